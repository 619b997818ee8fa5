package flags

import (
	"errors"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"hdmnet/internal/atomicfile"
	"hdmnet/internal/cli/ui"
)

// Output is a file that a command writes. One that is there already is a person's until
// --force says otherwise.
type Output struct {
	Path  string // empty: none
	Force bool
}

// AddForce adds --force.
func (o *Output) AddForce(cmd *cobra.Command, what string) {
	cmd.Flags().BoolVar(&o.Force, "force", false, "replace "+what+" when it is there")
}

// Check refuses, before any work, a file that is there.
func (o *Output) Check() error {
	if o.Path == "" || o.Force {
		return nil
	}
	return wayOut(o.Path, atomicfile.Free(o.Path))
}

// Write makes the file appear complete or not at all.
func (o *Output) Write(write func(io.Writer) error) error {
	if o.Force {
		return atomicfile.Write(o.Path, write)
	}
	return wayOut(o.Path, atomicfile.Create(o.Path, write))
}

func wayOut(path string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return ui.Usagef("%s is there already; name another file, or --force to replace it", path)
	}
	return err
}
