"""Every measured figure, one after another: `make bench`."""

from bench import agents, drawing, metrics, pickapic, startup

for bench in (startup, drawing, agents, pickapic, metrics):
    print(f"\n{bench.__name__}")
    bench.main()
