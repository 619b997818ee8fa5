// Package report is `hdmnet report`: trainings and their scores side by side.
package report

import (
	"fmt"
	stdio "io"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/report"
)

// NewCmd returns the command, which writes to io.
func NewCmd(io ui.Streams) *cobra.Command {
	out := &flags.Output{}
	cmd := &cobra.Command{
		Use:   "report RUN...",
		Short: "Show and compare runs on one page",
		Long: `Show and compare runs on one page: an HTML file that needs no other file and no network.

The page has the settings that differ, the curves of the training, scores with confidence
intervals, the IoU of every class, the worst and the best episodes as pictures, how well the
probabilities fit (calibration), time and memory.

RUN is the folder of a run, or a file that ` + "`hdmnet eval --save-results`" + ` wrote. Scores of a run
are taken from the file results.jsonl in its folder. Confidence intervals come from a
bootstrap over the episodes; where runs scored the same episodes, their difference is paired.`,
		Example: `  hdmnet report runs/first --out report.html
  hdmnet eval --run runs/first --save-results runs/first/results.jsonl
  hdmnet eval --run runs/second --save-results runs/second/results.jsonl
  hdmnet report runs/first runs/second --out report.html`,
		Args: cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error { return run(io, out, args) },
	}
	cmd.Flags().StringVar(&out.Path, "out", "", "the HTML `FILE` to write")
	out.AddForce(cmd, "the file")
	return cmd
}

func run(io ui.Streams, out *flags.Output, paths []string) error {
	switch {
	case len(paths) == 0:
		return ui.Usagef("no run is given; name the folders of one or several runs")
	case out.Path == "":
		return ui.Usagef("no file is named; name one with --out report.html")
	}
	if err := out.Check(); err != nil {
		return err
	}
	if err := out.Write(func(w stdio.Writer) error { return report.Write(w, paths) }); err != nil {
		return err
	}
	_, err := fmt.Fprintf(io.Out, "%s: %s; open it in a browser\n", out.Path, ui.Count(len(paths), "run"))
	return err
}
