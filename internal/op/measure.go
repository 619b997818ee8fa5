package op

// What measures a network asks of devices besides. Neither changes a result.

// Stopwatch is a Device that works behind its caller's back and can tell when.
type Stopwatch interface {
	// Mark notes the moment at which all work so far is done. It does not wait.
	Mark()
	// Marks waits for all marks since its last call, forgets them, and returns the seconds
	// from the first one to each.
	Marks() []float64
}

// Regioner is a Device that wants to know which part of a network the next calls belong to.
type Regioner interface {
	Region(name string)
}

// Region tells dev, if it is a Regioner, that the next calls belong to the named part of the
// network: "backbone", "transformer", …, until the next call.
func Region(dev Device, name string) {
	if s, ok := dev.(Regioner); ok {
		s.Region(name)
	}
}
