//go:build !amd64

package cpu

func assemblySets() []*instructionSet { return nil }
