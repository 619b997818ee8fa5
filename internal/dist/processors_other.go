//go:build !linux

package dist

// processors cannot be told here.
func processors() string { return "" }
