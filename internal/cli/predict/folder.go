package predict

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/infile"
	"hdmnet/internal/nn"
	"hdmnet/internal/predict"
)

// folderFlags are those that only a folder of pictures takes.
var folderFlags = []string{"support-dir", "support-file", "support-images", "max-supports", "class", "format", "threshold", "min-area", "simplify", "save-probabilities", "save-overlays"}

// folderOptions checks what is asked for of a folder.
func (o *options) folderOptions() (predict.FolderOptions, error) {
	f := predict.FolderOptions{Folder: o.queryDir, Threshold: o.threshold, MinArea: o.minArea, Simplify: o.simplify,
		SaveProbabilities: o.saveProbabilities, SaveOverlays: o.saveOverlays}
	var err error
	switch {
	case len(o.queries) > 0:
		return f, ui.Usagef("give either --query, for single pictures, or --query-dir, for a folder")
	case o.saveLogits:
		return f, ui.Usagef("--save-logits goes with --query; --save-probabilities is for a folder")
	case !(o.threshold >= 0 && o.threshold < 1):
		return f, ui.Usagef("--threshold %g: expected a probability from 0 to below 1", o.threshold)
	case o.minArea < 0:
		return f, ui.Usagef("--min-area %d: expected a number of pixels, 0 or more", o.minArea)
	case !(o.simplify >= 0 && o.simplify <= 1000):
		return f, ui.Usagef("--simplify %g: expected pixels, from 0 to 1000", o.simplify)
	}
	if f.Format, err = predict.ParseFormat(o.format); err != nil {
		return f, &ui.UsageError{Err: fmt.Errorf("--format: %w", err)}
	}
	if !o.Given("simplify") && slices.Contains([]string{"labelme", "yolo"}, o.format) {
		f.Simplify = 1
	}
	return f, nil
}

// folder looks for objects in a folder of pictures.
func (o *options) folder(ctx context.Context, streams ui.Streams, net predict.Network, tape *nn.Tape, work predict.FolderOptions) error {
	_, _ = fmt.Fprintf(streams.Err, "looking for %s in %s\n", names(work.Classes), infile.Shown(work.Folder))
	bar := ui.NewProgress(streams, "predicting", "pictures")
	work.Progress = func(done, total int) { bar.Update(done, total, "") }
	report, err := predict.Folder(ctx, net, tape, work)
	bar.Finish()
	if errors.Is(err, context.Canceled) {
		streams.Note("the same command goes on where this one stopped")
	}
	if other := (*predict.OtherRunError)(nil); errors.As(err, &other) {
		return &ui.UsageError{Err: fmt.Errorf("%w, or give --force to start anew there", err)}
	}
	if err != nil {
		return err
	}
	if report.Before > 0 {
		streams.Note("%d pictures were done before", report.Before)
	}
	_, _ = fmt.Fprintf(streams.Out, "%d objects in %d pictures, in %s\n", report.Objects, report.Pictures-report.Failed, infile.Shown(work.Out))
	for _, f := range report.Files {
		_, _ = fmt.Fprintf(streams.Out, "wrote %s\n", infile.Shown(f))
	}
	if report.Failed > 0 {
		return fmt.Errorf("%d of %d pictures could not be read (see the warnings); the others are done, and the same command tries these again", report.Failed, report.Pictures)
	}
	return nil
}
