"""Rolling updates of the same random pools by xsbot and by its peers, on simulated time.

    pools       random pools, each from its seed
    bounds      what no schedule can beat
    client      a plain XenAPI client of the lab, and its waiting
    xencenter, vendor, xen_orchestra, legacy, cloudstackops    the peers, one module each
    ours        xsbot, by rounds in this process (`loop`, `near`) or by the product's worker
    outcome     what became of a pool, from the lab's own logs
    bench       every tool on every pool, and the ratios
    table       the section of docs/performance.md, figures and pictures
    pictures    the pictures, drawn from results

`make bench-rolling ARGS="--hosts 16 --memory 60 --seeds 10 --json"`
"""
