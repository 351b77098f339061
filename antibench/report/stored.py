"""The pictures of a run: which stored photos and clips a cell stands for. It reads; it writes nothing."""

from __future__ import annotations

from antibench import video
from antibench.contracts import FramesU8, ImageU8
from antibench.errors import UserError
from antibench.jobs import ScoreJob
from antibench.pixels import from_png
from antibench.plan import Cell
from antibench.rescore import work_of
from antibench.run_folder import RunFolder
from antibench.store import Store


class StoredRun:
    """The cells of a run whose photo was animated, and their photos and clips.

    Args:
        run: The run; its plan alone is read.
        store: The store it used.

    Raises:
        UserError: the folder holds no run, or names plugins that are not there.
    """

    def __init__(self, run: RunFolder, store: Store) -> None:
        plan = run.plan()
        if not {"suite", "cases", "precision"} <= plan.keys():
            raise UserError(f"{run.path} holds no readable plan.json of a run")
        self._store = store
        self._graph = (work := work_of(plan, (), None)).graph
        self.captions = {case.id: case.caption for case in work.cases}
        """Caption by photo."""
        self.cells: list[Cell] = [cell for cell in work.cells if cell.scope == "video" and cell.target is not None]
        """In the order of the plan."""

    def job(self, cell: Cell) -> ScoreJob | None:
        """The keys of a cell's photos and clips; None if it ends without any (`ending` says why)."""
        job = self._graph.jobs.get(self._graph.waits.get(cell.id, ""))
        return job if isinstance(job, ScoreJob) else None

    def ending(self, cell: Cell) -> str:
        """Why a cell has no job."""
        return self._graph.endings[cell.id].reason

    def photo(self, key: str) -> ImageU8:
        """A stored photo.

        Raises:
            MissingArtifact: the store does not hold it, or not intact.
        """
        return from_png(self._store.get(key))

    def clip(self, key: str) -> tuple[FramesU8, float]:
        """A stored clip and its frames a second.

        Raises:
            MissingArtifact: the store does not hold it, or not intact.
        """
        data = self._store.get(key)
        return video.decode(data), video.frame_rate(data)
