package weights

import (
	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/model"
	"hdmnet/internal/weights"
)

func NewCmd(io ui.Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "weights",
		Short: "Look into files of weights, convert and compare them",
		Long: `Look into files of weights, convert and compare them: safetensors and what PyTorch's
torch.save writes (.pth, .pt, the zip format and the one before 1.6). The content tells
the format, not the name; pickles are read as data, nothing in them is executed.

Every command that takes weights takes all of these. Known are the names of HDMNet's and
BAM's PyTorch code, semseg's resnet50_v2 and resnet101_v2, torchvision's vgg16_bn and, but
for the stem, torchvision's ResNets.`,
		Example: `  hdmnet weights inspect resnet50_v2.pth
  hdmnet weights convert runs/pascal0/best.safetensors best.pth
  hdmnet weights diff best.pth best.safetensors`,
		Args: cobra.ArbitraryArgs,
		RunE: flags.NeedsCommand,
	}
	cmd.AddCommand(newInspect(io), newConvert(io), newDiff(io))
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
	l, view, err := model.Recognize(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &recognized{f, view, l}, nil
}

func (r *recognized) Close() error { return r.file.Close() }
