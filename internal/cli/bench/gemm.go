package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"hdmnet/internal/bench"
	"hdmnet/internal/cli/flags"
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

type gemmOptions struct {
	workFlags
	sizes []int
}

func newGemm(io ui.Streams) *cobra.Command {
	o := &gemmOptions{}
	cmd := &cobra.Command{
		Use:   "gemm",
		Short: "Time matrix products: square ones and those of the network",
		Long: `Time matrix products C[M,N] = A[M,K]·B[K,N], in 10⁹ operations a second: square ones, and
those that the network's layers compute at the given input size, largest first.

A 3×3 convolution is the product whose K is nine times its input channels, here without
gathering its input and without Winograd's algorithm.

"linear" prepares B in every call, as trained weights need it; with "frozen" B is prepared
before, as for the backbone. The share is that of the best rate in the table.`,
		Example: `  hdmnet bench gemm
  hdmnet bench gemm --config coco20i_resnet50 --size 633 --runs 3 --json
  hdmnet bench gemm --sizes 1024,2048`,
		Args: flags.None,
		RunE: func(cmd *cobra.Command, _ []string) error { return runGemm(cmd.Context(), io, o) },
	}
	o.flags(cmd, "eval")
	cmd.Flags().IntSliceVar(&o.sizes, "sizes", []int{256, 512, 1024, 2048, 4096}, "sides of the square products")
	return cmd
}

// gemmReport is the result of `bench gemm`; rates are in 10⁹ operations a second.
type gemmReport struct {
	workload
	Runs     int           `json:"runs"`
	Best     float64       `json:"best_gflop_s"`     // of the table, all threads
	OneCore  float64       `json:"one_core_gflop_s"` // best of squares up to 2048 on one thread; 0 where the device is no CPU
	Products []productRate `json:"products"`
}

// productRate is the medians of one product.
type productRate struct {
	M      int     `json:"m"`
	N      int     `json:"n"`
	K      int     `json:"k"`
	Linear float64 `json:"linear_gflop_s"`
	Frozen float64 `json:"frozen_gflop_s"`
	Share  float64 `json:"share_of_best"` // of the better of the two
}

func runGemm(ctx context.Context, io ui.Streams, o *gemmOptions) (err error) {
	for _, n := range o.sizes {
		if n < 1 || n > 1<<15 {
			return ui.Usagef("--sizes %d: expected sides from 1 to %d", n, 1<<15)
		}
	}
	dev, w, err := o.open(ctx, io)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dev.Close()) }()
	var products []bench.Product
	for _, n := range o.sizes {
		products = append(products, bench.Product{M: n, N: n, K: n})
	}
	// One pass of the network tells which products it makes.
	once := workFlags{runs: 1}
	p, err := once.profile(ctx, io, dev, w)
	if err != nil {
		return err
	}
	products = append(products, p.Products()...)
	r := &gemmReport{workload: *w, Runs: o.runs}
	if err := r.time(ctx, io, dev, products); err != nil {
		return err
	}
	if _, ok := dev.(*cpu.Device); ok {
		if err := r.oneCore(ctx, dev); err != nil {
			return err
		}
	}
	if o.json {
		return ui.PrintJSON(io, r)
	}
	return r.print(io.Out, len(o.sizes))
}

// time fills the table.
func (r *gemmReport) time(ctx context.Context, io ui.Streams, dev op.Device, products []bench.Product) error {
	bar := ui.NewProgress(io, "timing matrix products", "products")
	defer bar.Finish()
	for i, p := range products {
		rates, err := bench.MeasureProduct(ctx, dev, p, r.Runs)
		if err != nil {
			return err
		}
		row := productRate{M: p.M, N: p.N, K: p.K, Linear: median(rates.Linear) / giga, Frozen: median(rates.Frozen) / giga}
		r.Products = append(r.Products, row)
		bar.Update(i+1, len(products), fmt.Sprintf("%.1f GF/s", row.better()))
		r.Best = max(r.Best, slices.Max(rates.Linear)/giga, slices.Max(rates.Frozen)/giga)
	}
	for i := range r.Products {
		r.Products[i].Share = r.Products[i].better() / r.Best
	}
	return nil
}

func (p *productRate) better() float64 { return max(p.Linear, p.Frozen) }

// oneCore measures the peak of one thread.
func (r *gemmReport) oneCore(ctx context.Context, dev op.Device) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	peak, err := bench.Peak(ctx, dev)
	r.OneCore = peak / giga
	return err
}

func (r *gemmReport) print(out io.Writer, squares int) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v, %d runs\n\n", &r.workload, r.Runs)
	fmt.Fprintf(&b, "best: %.1f GF/s with %d threads", r.Best, r.Machine.Threads)
	if r.OneCore > 0 {
		fmt.Fprintf(&b, ", %.1f GF/s with one", r.OneCore)
	}
	fmt.Fprint(&b, "\n\n")
	w := ui.NumberTable(&b)
	fmt.Fprintf(w, "M\tN\tK\tlinear GF/s\tfrozen GF/s\tshare\t\n")
	for i, p := range r.Products {
		what := ""
		if i >= squares {
			what = "  network"
		}
		fmt.Fprintf(w, "%d\t%d\t%d\t%.1f\t%.1f\t%.0f%%\t%s\n", p.M, p.N, p.K, p.Linear, p.Frozen, 100*p.Share, what)
	}
	w.Flush() // into memory: it cannot fail
	_, err := out.Write(b.Bytes())
	return err
}
