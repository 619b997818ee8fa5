package weights

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/infile"
	"hdmnet/internal/model"
	"hdmnet/internal/weights"
)

// inspectOptions are the flags of `weights inspect`.
type inspectOptions struct {
	file string
	key  string
	json bool
}

func newInspect(streams ui.Streams) *cobra.Command {
	o := &inspectOptions{}
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Show what a file of weights holds",
		Long: `Show what a file of weights holds: its format, the network that it belongs to, the tensors
that this network needs and the file lacks, metadata, and every tensor's name, type and shape.
Its SHA-256 is that of sha256sum, to be compared with the one that a publisher gives.

Prefixes that wrappers put before the names (module., _orig_mod., model.) are dropped. Where a
file holds several networks, such as the weights and their moving average, --key says which.
A file with a checksum, which this program's and PyTorch's have, is read as a whole once, and
damage is an error.`,
		Example: `  hdmnet weights inspect resnet50_v2.pth
  hdmnet weights inspect dinov2_vitb14_pretrain.pth
  hdmnet weights inspect best.pth --json | jq .layout`,
		Args: flags.Exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.file = flags.WithKey(args[0], o.key)
			return runInspect(cmd.Context(), streams, o)
		},
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
	flags.Key(cmd, &o.key)
	return cmd
}

// inspection is the JSON of `weights inspect`.
type inspection struct {
	File        string            `json:"file"`
	Bytes       int64             `json:"bytes"`
	SHA256      string            `json:"sha256"`
	Format      string            `json:"format"`
	Within      string            `json:"within"`   // where in a PyTorch file the tensors are
	Prefix      string            `json:"prefix"`   // dropped before every name
	Verified    string            `json:"verified"` // the checksum that fits; empty: there is none
	Layout      string            `json:"layout"`
	Kind        model.Kind        `json:"kind"`
	Backbone    string            `json:"backbone"`
	BaseClasses int               `json:"base_classes"`
	Shots       int               `json:"shots"`
	Ambiguity   bool              `json:"ambiguity"`
	Problem     string            `json:"problem"`
	Notes       []string          `json:"notes"`
	Missing     []string          `json:"missing"` // of the network, under the release's names
	Skipped     []string          `json:"skipped"` // what is no tensor
	Metadata    map[string]string `json:"metadata"`
	Elements    int64             `json:"elements"`
	Tensors     []tensorRow       `json:"tensors"`
}

type tensorRow struct {
	Name  string `json:"name"`
	Dtype string `json:"dtype"`
	Shape []int  `json:"shape"`
}

func runInspect(_ context.Context, streams ui.Streams, o *inspectOptions) error {
	r, err := openRecognized(o.file)
	if err != nil {
		return err
	}
	defer r.Close()
	path, _ := weights.SplitKey(o.file)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	sum, err := sha256Of(path, info.Size())
	if err != nil {
		return err
	}
	l := r.layout
	s := inspection{
		File: path, Bytes: info.Size(), SHA256: sum, Format: r.file.Format(), Within: r.file.Within(), Prefix: r.file.Prefix(), Verified: r.file.Verified(),
		Layout: l.String(), Kind: l.Kind, Backbone: l.Backbone, BaseClasses: l.BaseClasses, Shots: l.Shots, Ambiguity: l.Ambiguity,
		Problem: l.Problem, Notes: append(append([]string{}, l.Notes...), l.About...), Missing: append([]string{}, l.Missing(r.view)...),
		Skipped: append([]string{}, r.file.Skipped()...), Metadata: r.file.Metadata(),
	}
	for _, name := range r.file.Names() {
		shape, _ := r.file.Shape(name)
		row := tensorRow{name, r.file.Dtype(name), append([]int{}, shape...)}
		s.Tensors = append(s.Tensors, row)
		n := int64(1)
		for _, d := range shape {
			n *= int64(d)
		}
		s.Elements += n
	}
	if o.json {
		return ui.PrintJSON(streams, s)
	}
	return s.print(streams)
}

// sha256Of is the SHA-256 of a file, in hexadecimal digits.
func sha256Of(path string, size int64) (string, error) {
	f, err := infile.Open(path, size)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// print writes the summary and the table.
func (s *inspection) print(streams ui.Streams) error {
	var b bytes.Buffer
	w := ui.TextTable(&b)
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, infile.Shown(value)) // names of the file are in it
		}
	}
	line("file", fmt.Sprintf("%s, %d bytes", s.File, s.Bytes))
	format := s.Format
	if s.Within != "" {
		format += ", tensors in " + s.Within
	}
	if s.Prefix != "" {
		format += ", " + s.Prefix + " dropped before every name"
	}
	line("sha256", s.SHA256)
	line("format", format)
	line("undamaged by", s.Verified)
	line("holds", s.Layout)
	line("cannot be used", s.Problem)
	for _, note := range s.Notes {
		line("note", note)
	}
	if len(s.Missing) > 0 {
		line("incomplete", fmt.Sprintf("%s of the network missing: %s", ui.Count(len(s.Missing), "tensor"), ui.FirstOf(s.Missing, 5)))
	}
	line("left aside", ui.FirstOf(s.Skipped, len(s.Skipped)))
	for _, k := range slices.Sorted(maps.Keys(s.Metadata)) {
		line("metadata", infile.Shown(k)+" = "+infile.Shown(s.Metadata[k]))
	}
	types := map[string]int{}
	for _, t := range s.Tensors {
		types[t.Dtype]++
	}
	var each []string
	for _, t := range slices.Sorted(maps.Keys(types)) {
		each = append(each, fmt.Sprintf("%d %s", types[t], t))
	}
	line("tensors", fmt.Sprintf("%d of %d elements (%s)", len(s.Tensors), s.Elements, strings.Join(each, ", ")))
	w.Flush() // into memory: it cannot fail
	fmt.Fprintln(&b)
	for _, t := range s.Tensors {
		fmt.Fprintf(w, "%s\t%s\t%v\n", infile.Shown(t.Name), t.Dtype, t.Shape)
	}
	w.Flush()
	_, err := streams.Out.Write(b.Bytes())
	return err
}
