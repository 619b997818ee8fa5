package engine

// onMainThread is how main runs the program; set by an engine that must have the main
// thread of the operating system.
var onMainThread = func(f func() int) int { return f() }

// Main runs the program f and returns its exit code. The function main calls it, and
// nothing else.
func Main(f func() int) int { return onMainThread(f) }
