package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"hdmnet/internal/bench"
	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/device"
	"hdmnet/internal/op"
)

func newRoofline(io ui.Streams) *cobra.Command {
	var name string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "roofline",
		Aliases: []string{"ceilings"},
		Short:   "Measure the highest rates of a device: matrix products and copies",
		Long: `Measure the highest rates of a device, which bound the speed of the network: large square
matrix products in every precision that the device has, copies in its memory (GB/s, bytes
read plus bytes written), and copies from and to the host.

Operands and results are float32 in memory, as everywhere in this program; rounding them to
a lower precision is part of the time.`,
		Example: `  hdmnet bench roofline --device cuda
  HDMNET_CUDA_LIBRARIES=off hdmnet bench roofline --device cuda --json`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if called := cmd.CalledAs(); called != cmd.Name() {
				io.Warn("bench %s is called bench %s now", called, cmd.Name())
			}
			return runRoofline(cmd.Context(), io, name, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "device", "auto", "auto, cpu or cuda:N")
	f.BoolVar(&asJSON, "json", false, "print one JSON object")
	flags.Complete(cmd, "device", device.Names()...)
	return cmd
}

// rooflineReport is the result of `bench roofline`.
type rooflineReport struct {
	Machine  machine    `json:"machine"`
	Products []peakRate `json:"products"`
	copyRates
}

// peakRate is the peak of one precision, or why there is none.
type peakRate struct {
	Precision string  `json:"precision"`
	GFLOPS    float64 `json:"gflop_s"`
	Reason    string  `json:"reason,omitempty"`
}

// copyRates are the rates of copies in 10⁹ bytes a second.
type copyRates struct {
	Copy         float64 `json:"copy_gb_s"` // read and written
	HostToDevice float64 `json:"host_to_device_gb_s"`
	DeviceToHost float64 `json:"device_to_host_gb_s"`
}

func newCopyRates(c bench.Ceilings) copyRates {
	return copyRates{c.Copy / giga, c.HostToDevice / giga, c.DeviceToHost / giga}
}

func (c copyRates) String() string {
	return fmt.Sprintf("%.1f GB/s on the device (read and written), %.1f GB/s from the host, %.1f GB/s to it", c.Copy, c.HostToDevice, c.DeviceToHost)
}

func runRoofline(ctx context.Context, io ui.Streams, name string, asJSON bool) error {
	r := &rooflineReport{}
	bar := ui.NewProgress(io, "measuring the ceilings", "precisions")
	defer bar.Finish()
	all := op.PrecisionNames()
	for i, precision := range all {
		if err := r.add(ctx, io, name, precision); err != nil {
			return err
		}
		bar.Update(i+1, len(all), precision)
	}
	if asJSON {
		return ui.PrintJSON(io, r)
	}
	return r.print(io.Out)
}

// add measures in one precision. A device that lacks it has a row that says so; every
// device has the first one.
func (r *rooflineReport) add(ctx context.Context, io ui.Streams, name, precision string) (err error) {
	dev, _, err := flags.OpenNamed(io, name, precision)
	if err != nil && len(r.Products) > 0 {
		r.Products = append(r.Products, peakRate{Precision: precision, Reason: err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	var peak float64
	if len(r.Products) == 0 {
		if r.Machine, err = thisMachine(dev); err != nil {
			return err
		}
		c, err := bench.MeasureCeilings(ctx, dev)
		if err != nil {
			return err
		}
		r.copyRates, peak = newCopyRates(c), c.Product
	} else if peak, err = bench.Peak(ctx, dev); err != nil {
		return err
	}
	r.Products = append(r.Products, peakRate{Precision: precision, GFLOPS: peak / giga})
	return nil
}

func (r *rooflineReport) print(out io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v\n\n", r.Machine)
	w := ui.TextTable(&b)
	for _, p := range r.Products {
		if p.Reason != "" {
			fmt.Fprintf(w, "products in %s\t-\t%s\n", p.Precision, p.Reason)
			continue
		}
		fmt.Fprintf(w, "products in %s\t%.1f GF/s\t\n", p.Precision, p.GFLOPS)
	}
	w.Flush() // into memory: it cannot fail
	fmt.Fprintf(&b, "copies  %v\n", r.copyRates)
	_, err := out.Write(b.Bytes())
	return err
}
