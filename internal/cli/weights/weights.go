// Package weights is `hdmnet weights`: inspecting, converting and comparing files of weights.
package weights

import (
	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/model"
	"hdmnet/internal/weights"
)

// NewCmd returns the command, which writes to io.
func NewCmd(io ui.Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "weights",
		Short: "Inspect, convert and compare files of weights",
		Long: `Inspect, convert and compare files of weights: safetensors, and what PyTorch's torch.save
writes (.pth, .pt).

Every command that takes weights reads all of these formats, and finds out the format from
the content. PyTorch files are read as data; nothing in them is executed. These networks'
names are known: HDMNet and BAM in PyTorch, semseg's resnet50_v2 and resnet101_v2,
torchvision's vgg16_bn, and torchvision's ResNets without their stem.`,
		Example: `  hdmnet weights inspect resnet50_v2.pth
  hdmnet weights convert runs/pascal0/best.safetensors best.pth
  hdmnet weights diff best.pth best.safetensors`,
		Args: cobra.ArbitraryArgs,
		RunE: flags.NeedsCommand,
	}
	cmd.AddCommand(newInspect(io), newConvert(io), newDiff(io), newDemo(io))
	return cmd
}

// recognized is an open file of weights and what it holds.
type recognized struct {
	file   *weights.File // as it is
	view   *weights.File // under the release's names
	layout model.Layout
}

func openRecognized(path string) (*recognized, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	r := &recognized{}
	if r.file, err = model.Select(f); err == nil {
		r.layout, r.view, err = model.Recognize(r.file)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return r, nil
}

func (r *recognized) Close() error { return r.file.Close() }
