package export

import (
	"context"
	"errors"
	"fmt"
	stdio "io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/data"
	"hdmnet/internal/experiment"
	"hdmnet/internal/infile"
	"hdmnet/internal/model"
	"hdmnet/internal/onnx"
	"hdmnet/internal/op"
)

// The graphs, as --graph names them.
const (
	graphWhole   = "whole"
	graphEncode  = "encode_support"
	graphSegment = "segment_query"
)

// onnxOptions are the flags of `export onnx`.
type onnxOptions struct {
	*flags.Settings
	network flags.Network
	out     flags.Output
	graphs  []string
	shots   int
}

func newONNX(io ui.Streams) *cobra.Command {
	o := &onnxOptions{}
	cmd := &cobra.Command{
		Use:   "onnx",
		Short: "Write a trained network as ONNX files",
		Long: `Write a trained network as ONNX files (opset 17), which ONNX Runtime and other programs
run without hdmnet.

For --out net.onnx the files are

  net.onnx                   the whole network: query and supports to logits
  net_encode_support.onnx    its first half: supports to features, run once per class
  net_segment_query.onnx     its second half: query and those features to logits

--graph writes some of them only. Both halves after each other are the whole network.

The network takes square pictures of --size pixels, normalized, and gives logits of any size
that is asked for. How pictures are prepared is in the files' metadata, and in
docs/export.md with an example in Python. Several supports count as in ` + "`hdmnet predict`" + `
with --shot-fusion auto, joint or scaled.`,
		Example: `  hdmnet export onnx --run runs/first --out net.onnx
  hdmnet export onnx --weights best.pth --config pascal5i_resnet50 --shots 5 --out net.onnx
  hdmnet export onnx --run runs/first --graph encode_support --graph segment_query --out net.onnx`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return runONNX(cmd.Context(), io, o) },
	}
	o.Settings = flags.NewSettings(cmd)
	f := cmd.Flags()
	o.network.Add(cmd)
	f.StringVar(&o.out.Path, "out", "", "the `FILE`.onnx to write; the halves get its name with an ending")
	f.StringArrayVar(&o.graphs, "graph", nil, "`GRAPH` to write: whole, encode_support or segment_query; repeatable (default all)")
	f.IntVar(&o.shots, "shots", 0, "supports per episode (default any number; with kshot_rw that of training)")
	f.Int("size", 0, "side of the pictures that the network takes, pixels (default that of training)")
	f.String("shot-fusion", "", "how several supports count together: auto, joint or scaled (default auto)")
	o.Bind("size", "model.size")
	o.Bind("shot-fusion", "model.shot_fusion")
	flags.Complete(cmd, "graph", graphWhole, graphEncode, graphSegment)
	o.out.AddForce(cmd, "files")
	return cmd
}

func (o *onnxOptions) check() error {
	if err := o.network.Check(true); err != nil {
		return err
	}
	switch {
	case o.out.Path == "":
		return ui.Usagef("no file is named; name one with --out net.onnx")
	case !strings.EqualFold(filepath.Ext(o.out.Path), ".onnx"):
		return ui.Usagef("--out %s: expected a file whose name ends in .onnx", o.out.Path)
	case o.shots < 0 || o.Given("shots") && o.shots == 0:
		return ui.Usagef("--shots %d: expected a number from 1", o.shots)
	}
	for _, g := range o.graphs {
		if !slices.Contains([]string{graphWhole, graphEncode, graphSegment}, g) {
			return ui.Usagef("--graph %q: expected whole, encode_support or segment_query", g)
		}
	}
	return nil
}

// path is where a graph goes.
func (o *onnxOptions) path(graph string) string {
	if graph == graphWhole {
		return o.out.Path
	}
	ext := filepath.Ext(o.out.Path)
	return strings.TrimSuffix(o.out.Path, ext) + "_" + graph + ext
}

func runONNX(ctx context.Context, io ui.Streams, o *onnxOptions) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	var files []*flags.Output
	wanted := func(graph string) bool { return len(o.graphs) == 0 || slices.Contains(o.graphs, graph) }
	names := []string{graphWhole, graphEncode, graphSegment}
	names = slices.DeleteFunc(names, func(g string) bool { return !wanted(g) })
	for _, g := range names {
		out := &flags.Output{Path: o.path(g), Force: o.out.Force}
		if err := out.Check(); err != nil {
			return err
		}
		files = append(files, out)
	}

	settings, err := o.Options(io)
	if err != nil {
		return err
	}
	settings.Config = o.network.Config
	monitor, _ := flags.Monitor(io)
	t, err := experiment.OpenTrained(o.network.Source(), settings, monitor)
	if err != nil {
		return err
	}
	dev, _, err := flags.OpenNamed(io, "cpu", op.FP32.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	net, fixed, err := t.NetworkToExport(dev, o.shots, monitor)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	graphs, err := net.Graphs(model.GraphOptions{Size: t.Model.Size, Shots: fixed, Values: net.Set.Get})
	if err != nil {
		return ui.Usagef("%s: %w", t.Path, err)
	}
	drawn := map[string]*onnx.Graph{graphWhole: graphs.Whole, graphEncode: graphs.EncodeSupport, graphSegment: graphs.SegmentQuery}
	meta := metadata(t, net, fixed)
	for i, g := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		m := onnx.Model{Graph: drawn[g], Metadata: meta}
		if err := files[i].Write(func(w stdio.Writer) error { return m.Write(w) }); err != nil {
			return err
		}
		if err := tell(io, files[i].Path); err != nil {
			return err
		}
	}
	return nil
}

// metadata says how the network is used.
func metadata(t *experiment.Trained, net *experiment.Network, fixed int) map[string]string {
	numbers := func(x [3]float32) string {
		var s []string
		for _, v := range x {
			s = append(s, strconv.FormatFloat(float64(v), 'g', -1, 32))
		}
		return strings.Join(s, ",")
	}
	shots := "any"
	if fixed > 0 {
		shots = strconv.Itoa(fixed)
	}
	m := map[string]string{
		"size":           strconv.Itoa(t.Model.Size),
		"mean":           numbers(data.Mean),
		"std":            numbers(data.Std),
		"colors":         "RGB, 0 to 255, minus mean, divided by std; layout NCHW",
		"picture_resize": "to size × size, bilinear, half-pixel centers, no antialiasing, borders repeated; the aspect is not kept",
		"mask_resize":    "to size × size, nearest: row floor(i * height / size), column likewise; 1 is the object, all else is not",
		"shots":          shots,
		"shot_fusion":    string(net.Fused(2)),
		"backbone":       t.Model.Backbone,
		"dataset":        t.Dataset.Name,
	}
	if fixed > 0 {
		m["shot_fusion"] = string(net.Fused(fixed))
	}
	if t.Fold >= 0 {
		m["fold"] = strconv.Itoa(t.Fold)
	}
	return m
}

// tell reads a file back, which checks it, and says what it is.
func tell(io ui.Streams, path string) error {
	file, err := infile.ReadFile(path, math.MaxInt32)
	if err != nil {
		return err
	}
	i, err := onnx.Inspect(file)
	if err != nil {
		return fmt.Errorf("%s, as it was written: %w", path, err)
	}
	nodes := 0
	for _, n := range i.Operators {
		nodes += n
	}
	_, err = fmt.Fprintf(io.Out, "%s: %s, opset %d, %d operators, %.1f MB\n  in   %s\n  out  %s\n",
		path, i.Name, i.Opset, nodes, float64(len(file))/1e6, strings.Join(i.Inputs, "\n       "), strings.Join(i.Outputs, "\n       "))
	return err
}
