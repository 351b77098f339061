def test_x(film):
    import time
    from antibench.report.html.media import look_of
    t=time.time(); l=look_of(*film); print(time.time()-t, len(l.views), len(l.media), sum(m.size for m in l.media)); print(l.said, l.missing[:5], l.filters); print(l.views[20])
