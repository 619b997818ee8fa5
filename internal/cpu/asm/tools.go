//go:build tools

// Package asm holds the generators of package cpu's assembly, each a program of its own
// that go generate runs. This file keeps the library they are written with in go.mod.
package asm

import _ "github.com/mmcloughlin/avo/build"
