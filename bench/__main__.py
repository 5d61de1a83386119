"""Every measured figure, one after another: `make bench`."""

from bench import agents, drawing, instant, metrics, pickapic, prefgen, premier, startup

for bench in (startup, drawing, agents, pickapic, metrics, prefgen, premier, instant):
    print(f"\n{bench.__name__}")
    bench.main()
