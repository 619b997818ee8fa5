//go:build cuda

package cuda

// Graph is work of the device that was recorded once and runs again as a whole, at the
// cost of one launch.
type Graph struct {
	dev  *Device
	exec graphExec
}

// Capture records what f queues instead of running it. f must not upload, download or
// need memory that the cache does not have: run it once before. The memory that it uses
// must not be freed while the graph lives.
func (d *Device) Capture(f func()) (*Graph, error) {
	if err := d.queue.call(func() error { return beginCapture(d.stream) }); err != nil {
		return nil, err
	}
	f()
	g := &Graph{dev: d}
	err := d.queue.call(func() (err error) {
		g.exec, err = endCapture(d.stream)
		return err
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// Launch queues the whole graph.
func (g *Graph) Launch() {
	g.dev.submit("graph", func() error { return g.dev.check(g.exec.launch(g.dev.stream), "launch a graph") })
}

// Close frees the graph.
func (g *Graph) Close() error { return g.dev.queue.call(g.exec.destroy) }
