package weights

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/model"
	"hdmnet/internal/weights"
)

// convertOptions are the flags of `weights convert`.
type convertOptions struct {
	in    string
	key   string
	out   flags.Output
	dtype string
}

// floatTypes are the values of --dtype, in PyTorch's names.
var floatTypes = map[string]string{"keep": "", "float32": "F32", "float16": "F16", "bfloat16": "BF16"}

func newConvert(io ui.Streams) *cobra.Command {
	o := &convertOptions{}
	cmd := &cobra.Command{
		Use:   "convert IN OUT",
		Short: "Convert weights between PyTorch and safetensors",
		Long: `Convert weights between PyTorch and safetensors. The result has the names of the released
PyTorch program and is complete, so that its load_state_dict(strict=True) accepts it.

The extension of OUT chooses the format:

  .safetensors  read by this program and by safetensors.torch.load_file
  .pth, .pt     {"state_dict": …}, read by torch.load, also with weights_only=True

num_batches_tracked is added to batch norms that lack it. A base learner (PSPNet) gets its
backbone a second time under the names encoder.*, which BAM's code expects. The state of an
optimizer is left out. A file of unknown names keeps its names.`,
		Example: `  hdmnet weights convert resnet50_v2.pth resnet50.safetensors
  hdmnet weights convert runs/pascal0/best.safetensors best.pth
  hdmnet weights convert best.pth small.safetensors --dtype float16`,
		Args: flags.Exactly("IN", "OUT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.in, o.out.Path = flags.WithKey(args[0], o.key), args[1]
			return runConvert(cmd.Context(), io, o)
		},
	}
	types := []string{"keep", "float32", "float16", "bfloat16"}
	cmd.Flags().StringVar(&o.dtype, "dtype", "keep", "`TYPE` of floating-point tensors: "+strings.Join(types, ", "))
	o.out.AddForce(cmd, "OUT")
	flags.Complete(cmd, "dtype", types...)
	flags.Key(cmd, &o.key)
	return cmd
}

func runConvert(ctx context.Context, io ui.Streams, o *convertOptions) error {
	floats, ok := floatTypes[o.dtype]
	if !ok {
		return ui.Usagef("--dtype %q: expected keep, float32, float16 or bfloat16", o.dtype)
	}
	save := weights.Save
	switch ext := strings.ToLower(filepath.Ext(o.out.Path)); {
	case slices.Contains([]string{".pth", ".pt"}, ext):
		save = weights.SaveTorch
	case ext != ".safetensors":
		return ui.Usagef("OUT %s: its end chooses the format, expected .safetensors, .pth or .pt", o.out.Path)
	}
	if err := mayWrite(o); err != nil {
		return err
	}
	r, err := openRecognized(o.in)
	if err != nil {
		return err
	}
	defer r.Close()
	if r.layout.Problem != "" {
		io.Warn("%s: %s", o.in, r.layout.Problem)
	}
	for _, note := range r.layout.Notes {
		io.Warn("%s: %s", o.in, note)
	}
	if foreign := r.layout.Foreign(r.view); len(foreign) > 0 {
		io.Warn("%s: %s not the network's and left out: %s", o.in, ui.Count(len(foreign), "tensor"), ui.FirstOf(foreign, 5))
	}
	tensors, err := model.Export(ctx, r.layout, r.view, floats)
	if err != nil {
		return err
	}
	meta := r.file.Metadata()
	meta["format"] = cmp.Or(meta["format"], "pt") // what safetensors' Python readers ask for
	if err := save(o.out.Path, tensors, meta); err != nil {
		return err
	}
	if info, err := os.Stat(o.out.Path); err == nil && !info.Mode().IsRegular() {
		return nil // a pipe: it has been read by another
	}
	return checkConverted(io, o, r, len(tensors))
}

// mayWrite makes sure that no file is lost.
func mayWrite(o *convertOptions) error {
	source, _ := weights.SplitKey(o.in)
	out, err := os.Stat(o.out.Path)
	if in, missing := os.Stat(source); err == nil && missing == nil && os.SameFile(in, out) {
		return ui.Usagef("IN and OUT are the same file, %s", o.out.Path)
	}
	return o.out.Check()
}

// checkConverted opens what was written and says what it is.
func checkConverted(io ui.Streams, o *convertOptions, in *recognized, n int) error {
	r, err := openRecognized(o.out.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	if missing := r.layout.Missing(r.view); len(missing) > 0 {
		io.Warn("%s lacks %s of the network, PyTorch's strict load_state_dict will refuse it: %s", o.in, ui.Count(len(missing), "tensor"), ui.FirstOf(missing, 5))
	}
	_, err = fmt.Fprintf(io.Out, "%s: %s (%s)\n%s: %s, %s\n", o.in, in.file.Format(), in.layout, o.out.Path, r.file.Format(), ui.Count(n, "tensor"))
	return err
}
