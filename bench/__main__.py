"""Every measured figure, one after another: `make bench`."""

from bench import agents, drawing, pickapic, startup

for bench in (startup, drawing, agents, pickapic):
    print(f"\n{bench.__name__}")
    bench.main()
