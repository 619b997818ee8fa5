package data

import (
	"bytes"
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/data"
	"hdmnet/internal/dist"
	"hdmnet/internal/infile"
	"hdmnet/internal/labelmap"
	"hdmnet/internal/prepare"
	"hdmnet/internal/tally"
)

func newPrepare(io ui.Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prepare",
		Short: "Make masks and lists from downloads or annotations",
		Long: `Make masks (palette PNG, index = class) and list files from the official downloads of a data
set, or from your own annotations.

A preparation that was interrupted continues when the same command is given again: masks that
exist and are whole are kept. The settings are recorded in prepare.json; a command with other
settings is refused, unless --force makes all masks again. Masks and lists that this program
did not make are never replaced without --force. One preparation at a time works in a folder.

Processes that mpirun, srun or torchrun start make a part of the masks each, in one --out that
all of them see.

Annotations end with a table, which is in prepare.json too: how many objects were read and
drawn, how many were left out and why. Warnings name the first three of each reason.`,
		Example: `  hdmnet data prepare sbd --root VOC2012 --sbd benchmark_RELEASE
  hdmnet data prepare coco --root coco --mask-mode all-polygons
  hdmnet data prepare labelme --images photos --out mine
  hdmnet data prepare cvat --file annotations.xml --images images --out mine
  hdmnet data prepare auto --root downloads
  hdmnet data prepare masks --images photos --masks masks --mask-colors labelmap.txt --out mine`,
		Args: cobra.ArbitraryArgs,
		RunE: flags.NeedsCommand,
	}
	cmd.AddCommand(newPrepareVOC(io), newPrepareSBD(io), newPrepareCOCO(io), newPrepareLabelMe(io), newPrepareMasks(io), newPrepareAuto(io))
	cmd.AddCommand(newImports(io)...)
	return cmd
}

// prepareFlags are the flags that every `data prepare` command has.
type prepareFlags struct {
	out     string
	workers int
	force   bool
	strict  bool
}

// addStrict defines --strict, for annotations of which single records may be bad.
func (p *prepareFlags) addStrict(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&p.strict, "strict", false, "stop at records that cannot be used, instead of leaving them out, counting and naming them")
}

// addTogether is add for a command that runs prepare: in several processes.
func (p *prepareFlags) addTogether(cmd *cobra.Command, out string) {
	p.add(cmd, out)
	flags.Dist(cmd)
}

// add defines the flags; out says what an empty --out means, "" when it must be given.
func (p *prepareFlags) add(cmd *cobra.Command, out string) {
	f := cmd.Flags()
	if out != "" {
		out = " (default " + out + ")"
	}
	f.StringVar(&p.out, "out", "", "folder `DIR` for masks and lists"+out)
	f.IntVar(&p.workers, "workers", 0, "masks that are made at the same time; 0: one for each core")
	f.BoolVar(&p.force, "force", false, "make all masks again and replace existing ones")
}

// options are the options of a preparation, which tells its progress stage by stage;
// finish takes the last bar away.
func (p *prepareFlags) options(io ui.Streams) (opt prepare.Options, finish func(), err error) {
	if p.workers < 0 {
		return opt, nil, ui.Usagef("--workers %d: expected 0 (one for each core) or more", p.workers)
	}
	var bar *ui.Progress
	stage := ""
	finish = func() {
		if bar != nil {
			bar.Finish()
			bar = nil
		}
	}
	opt = prepare.Options{
		Out: p.out, Workers: p.workers, Force: p.force, Strict: p.strict,
		Warn: func(message string) { io.Warn("%s", message) },
		Progress: func(now string, done, total int) {
			if bar == nil || now != stage {
				finish()
				bar, stage = ui.NewProgress(io, now, "files"), now
			}
			bar.Update(done, total, "")
		},
	}
	return opt, finish, nil
}

// prepare runs a preparation, which ends with its report and the classes as in
// printPrepared, and prints the report. Processes that a launcher has started make a part of
// the masks each.
func (p *prepareFlags) prepare(cmd *cobra.Command, io ui.Streams, work func(context.Context, prepare.Options) (*prepare.Report, []string, error)) error {
	return flags.Together(cmd, io, func(ctx context.Context, io ui.Streams, processes *flags.Processes) error {
		err := p.alone(io, processes, func(opt prepare.Options) (*prepare.Report, []string, error) { return work(ctx, opt) })
		if dist.Known(err) {
			return err
		}
		return processes.Agree(err)
	})
}

// alone is prepare in one of several processes, whose link may be nil: there are no others.
func (p *prepareFlags) alone(io ui.Streams, link dist.Link, work func(prepare.Options) (*prepare.Report, []string, error)) error {
	opt, finish, err := p.options(io)
	if err != nil {
		return err
	}
	opt.Link = link
	report, names, err := work(opt)
	finish()
	if err != nil {
		return err
	}
	return printPrepared(io, report, names)
}

// printPrepared writes what a preparation did. names are the data set's classes, [0] the
// background.
func printPrepared(io ui.Streams, r *prepare.Report, names []string) error {
	var b bytes.Buffer
	if r.Root != "" {
		fmt.Fprintf(&b, "data root: %s\n", r.Root)
	}
	fmt.Fprintf(&b, "masks: %d written, %d were there\n", r.Written, r.Kept)
	for _, l := range r.Lists {
		fmt.Fprintf(&b, "list:  %s, %d pairs\n", l.Path, l.Pairs)
	}
	if r.Written+r.Kept > 0 {
		printObjects(&b, &r.Objects, cmp.Or(r.Unit, "objects"))
		printClasses(&b, r, names)
		noteSmall(&b, r, names)
	}
	_, err := io.Out.Write(b.Bytes())
	return err
}

// printClasses writes how many masks show each class.
func printClasses(b *bytes.Buffer, r *prepare.Report, names []string) {
	w := ui.TextTable(b)
	fmt.Fprintf(w, "class\tname\tmasks that show it\tby %d pixels or more\n", data.FieldMinArea)
	for c := 1; c < len(names) && c < labelmap.Ignore; c++ {
		fmt.Fprintf(w, "%d\t%s\t%d\t%d\n", c, infile.Shown(names[c]), r.Images[c], r.Large[c])
	}
	w.Flush() // into memory: it cannot fail
}

// noteSmall says which classes make no episodes.
func noteSmall(b *bytes.Buffer, r *prepare.Report, names []string) {
	var none, small []string
	for c := 1; c < len(names) && c < labelmap.Ignore; c++ {
		switch {
		case r.Images[c] == 0:
			none = append(none, names[c])
		case r.Large[c] == 0:
			small = append(small, names[c])
		}
	}
	if len(none) > 0 {
		fmt.Fprintf(b, "note: no mask shows %s\n", ui.FirstOf(none, 10))
	}
	if len(small) > 0 {
		fmt.Fprintf(b, "note: %s: fewer than %d pixels in every mask, too few for episodes unless dataset.min_area is set to less\n", ui.FirstOf(small, 10), data.FieldMinArea)
	}
}

// printObjects writes how many objects, or what else they are, were read, drawn and left
// out, and why.
func printObjects(b *bytes.Buffer, t *tally.Tally, what string) {
	if t.Read == 0 && t.Dropped == nil {
		return
	}
	w := ui.TextTable(b)
	fmt.Fprintf(w, "read\t%d\t%s\ndrawn\t%d\nleft out\t%d\n", t.Read, what, t.Used, t.LeftOut())
	for _, r := range t.Left {
		fmt.Fprintf(w, "\t%d\t  %s\n", r.Count, r.Why)
	}
	for _, r := range t.Dropped {
		fmt.Fprintf(w, "besides\t%d\t%s: left out\n", r.Count, r.Why)
	}
	for _, r := range t.Remarks {
		fmt.Fprintf(w, "besides\t%d\t%s\n", r.Count, r.Why)
	}
	w.Flush() // into memory: it cannot fail
}
