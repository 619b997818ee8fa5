package data

import (
	"fmt"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/infile"
	"hdmnet/internal/prepare"
)

func newPrepareAuto(io ui.Streams) *cobra.Command {
	var o struct {
		root, out string
		run       bool
	}
	cmd := &cobra.Command{
		Use:   "auto",
		Short: "Look what is in a folder and print the command that prepares it",
		Long: `Look what annotated data is in a folder and print the command that prepares it. Nothing is
written unless --run is given.

Known are PASCAL VOC, SBD, COCO and its format, LabelMe, YOLO segments, CVAT for images, Label
Studio, VGG's Image Annotator, Supervisely, and a folder of masks beside one of pictures. With
--run the command is run; if there are several, they are only printed.`,
		Example: `  hdmnet data prepare auto --root downloads
  hdmnet data prepare auto --root downloads --out mine --run`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.root == "" {
				return ui.Usagef("no folder is given; name it with --root DIR")
			}
			found, err := prepare.Recognize(cmd.Context(), o.root)
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return fmt.Errorf("%s holds no annotated data that is known; `hdmnet data prepare --help` lists what can be read", infile.Shown(o.root))
			}
			out := o.out
			if out == "" {
				out = "prepared"
			}
			for _, s := range found {
				if _, err := fmt.Fprintf(io.Out, "%s in %s:\n  %s\n", s.What, infile.Shown(s.Where), prepare.Shell(s.Command(out))); err != nil {
					return err
				}
			}
			switch {
			case !o.run:
				return nil
			case len(found) > 1:
				return ui.Usagef("%d sources are found, and --run is for one: run the commands above, each with its own --out", len(found))
			case found[0].Needs && o.out == "":
				return ui.Usagef("no output folder is given; name one with --out DIR")
			}
			next := cmd.Root()
			next.SetArgs(found[0].Command(out))
			return next.ExecuteContext(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.root, "root", "", "folder `DIR` to look into")
	f.StringVar(&o.out, "out", "", "folder `DIR` for masks and lists")
	f.BoolVar(&o.run, "run", false, "run the command")
	flags.SetGroup(cmd, flags.GroupOutput, "run")
	return cmd
}
