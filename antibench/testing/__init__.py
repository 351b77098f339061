"""Contract checks that plugin authors can run.

Each kind of plugin has a module here (`protection_contract`, `purification_contract`, `metric_contract`,
`model_contract`, `dataset_contract`) with one function ``checks(plugin_cls, ...) -> Iterator[Check]``.
``antibench check NAME`` runs them for anything registered; in a plugin's own tests::

    from antibench.testing.purification_contract import checks

    @pytest.mark.parametrize("check", checks(MyPurification), ids=lambda check: check.name)
    def test_contract(check):
        assert check.ok, check.detail

A check that a plugin makes raise is a check not kept: the others still run.
"""
