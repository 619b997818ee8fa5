package weights

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/infile"
	"hdmnet/internal/weights"
)

// diffOptions are the flags of `weights diff`.
type diffOptions struct {
	a, b      string
	key       string
	tolerance float64
	raw       bool
}

func newDiff(io ui.Streams) *cobra.Command {
	o := &diffOptions{}
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Compare two files of weights",
		Long: `Compare two files of weights, tensor by tensor. Their formats may differ.

Tensors are compared under the names of the released PyTorch program. Printed are tensors that
one of the files lacks, different shapes, and for every tensor with different values how many
differ, the largest |a−b| and the largest |a−b|/max(|a|,|b|). Values are compared, not types:
a float16 tensor can equal a float32 one. --key is for both files; A#NAME and B#NAME give each
its own. The exit code is 0 if the files are equal, else 1.`,
		Example: `  hdmnet weights diff best.pth best.safetensors
  hdmnet weights diff best.pth half.safetensors --tolerance 1e-3`,
		Args: flags.Exactly("A", "B"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.a, o.b = flags.WithKey(args[0], o.key), flags.WithKey(args[1], o.key)
			return runDiff(cmd.Context(), io, o)
		},
	}
	cmd.Flags().Float64Var(&o.tolerance, "tolerance", 0, "count values as equal if |a−b| is at most `T`")
	flags.Key(cmd, &o.key)
	cmd.Flags().BoolVar(&o.raw, "raw", false, "compare under the names in the files, without translating them")
	return cmd
}

// difference is how two tensors of one name differ.
type difference struct {
	elements, of  int
	abs, relative float64
}

func runDiff(ctx context.Context, io ui.Streams, o *diffOptions) error {
	if !(o.tolerance >= 0) {
		return ui.Usagef("--tolerance %v: expected 0 or more", o.tolerance)
	}
	var files [2]*weights.File
	var b bytes.Buffer
	for i, path := range []string{o.a, o.b} {
		r, err := openRecognized(path)
		if err != nil {
			return err
		}
		defer r.Close()
		files[i] = r.view
		if o.raw {
			files[i] = r.file
		}
		fmt.Fprintf(&b, "%s  %s: %s, %s, %s\n", "AB"[i:i+1], path, r.file.Format(), r.layout, ui.Count(len(files[i].Names()), "tensor"))
	}
	differ, err := diffTable(ctx, &b, files[0], files[1], o.tolerance)
	if err != nil {
		return err
	}
	if _, err := io.Out.Write(b.Bytes()); err != nil {
		return err
	}
	if differ > 0 {
		return fmt.Errorf("%s and %s differ in %s", o.a, o.b, ui.Count(differ, "tensor"))
	}
	return nil
}

// diffTable writes a line for every tensor that is not alike and returns their number.
func diffTable(ctx context.Context, out *bytes.Buffer, a, b *weights.File, tolerance float64) (int, error) {
	w := ui.TextTable(out)
	differ, equal := 0, 0
	for _, name := range a.Names() {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		shapeA, _ := a.Shape(name)
		shapeB, there := b.Shape(name)
		switch {
		case !there:
			differ++
			fmt.Fprintf(w, "only in A\t%s\t%s %v\n", infile.Shown(name), a.Dtype(name), shapeA)
			continue
		case !slices.Equal(shapeA, shapeB):
			differ++
			fmt.Fprintf(w, "shape\t%s\t%v and %v\n", infile.Shown(name), shapeA, shapeB)
			continue
		}
		d, alike, err := compareTensor(a, b, name, tolerance)
		switch {
		case err != nil:
			return 0, err
		case !alike:
			differ++
			fmt.Fprintf(w, "type\t%s\t%s and %s\n", infile.Shown(name), a.Dtype(name), b.Dtype(name))
		case d.elements > 0:
			differ++
			fmt.Fprintf(w, "values\t%s\t%d of %d, |a−b| ≤ %.3g, relative ≤ %.3g\n", infile.Shown(name), d.elements, d.of, d.abs, d.relative)
		default:
			equal++
		}
	}
	for _, name := range b.Names() {
		if _, there := a.Shape(name); !there {
			differ++
			shape, _ := b.Shape(name)
			fmt.Fprintf(w, "only in B\t%s\t%s %v\n", infile.Shown(name), b.Dtype(name), shape)
		}
	}
	w.Flush() // into memory: it cannot fail
	fmt.Fprintf(out, "%d equal, %d differ\n", equal, differ)
	return differ, nil
}

// compareTensor compares the values of one tensor; alike is false for types that do
// not mean the same thing.
func compareTensor(a, b *weights.File, name string, tolerance float64) (d difference, alike bool, err error) {
	x, err := numbers(a, name)
	if err != nil {
		return d, false, err
	}
	y, err := numbers(b, name)
	if err != nil {
		return d, false, err
	}
	switch {
	case x.float != nil && y.float != nil:
		return compareValues(x.float, y.float, tolerance), true, nil
	case x.int != nil && y.int != nil:
		return compareValues(x.int, y.int, tolerance), true, nil
	}
	return d, false, nil
}

// values are a tensor's numbers; one of both is not nil where they can be read.
type values struct {
	float []float32
	int   []int64
}

func numbers(f *weights.File, name string) (v values, err error) {
	switch f.Dtype(name) {
	case "F32", "F64", "F16", "BF16":
		v.float, _, err = f.Float32(name)
	case "I64", "I32", "I16", "I8", "U32", "U16", "U8":
		v.int, _, err = f.Int64(name)
	case "BOOL":
		var b []uint8
		b, _, err = f.Uint8(name)
		v.int = make([]int64, len(b))
		for i := range b {
			v.int[i] = int64(b[i])
		}
	}
	return v, err
}

func compareValues[T float32 | int64](a, b []T, tolerance float64) difference {
	d := difference{of: len(a)}
	for i := range a {
		if a[i] == b[i] || a[i] != a[i] && b[i] != b[i] { // alike, or both NaN
			continue
		}
		x, y := float64(a[i]), float64(b[i])
		abs := math.Abs(x - y)
		if abs <= tolerance { // never of NaN
			continue
		}
		d.elements++
		relative := abs / max(math.Abs(x), math.Abs(y))
		if math.IsNaN(abs) || math.IsInf(abs, 0) { // one of them is no number
			abs, relative = math.Inf(1), math.Inf(1)
		}
		d.abs, d.relative = max(d.abs, abs), max(d.relative, relative)
	}
	return d
}
