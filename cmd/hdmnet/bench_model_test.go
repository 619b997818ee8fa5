package main

import (
	"encoding/json"
	"hdmnet/internal/cli/ui"
	"math"
	"slices"
	"strings"
	"testing"
)

// benchReport runs a bench command with --json.
func benchReport[R any](t *testing.T, args ...string) R {
	t.Helper()
	out, errs, code := hdmnet(t, append(append([]string{"bench"}, args...), "--json")...)
	var r R
	if err := json.Unmarshal([]byte(out), &r); code != ui.ExitOK || err != nil {
		t.Fatalf("%v: code %d, %v: %s%s", args, code, err, out, errs)
	}
	return r
}

// checkWorkload: the report says what was measured, and on what.
func checkWorkload(t *testing.T, w *benchWorkload, mode string, shots, batch int) {
	t.Helper()
	if w.Mode != mode || w.Shots != shots || w.Batch != batch || w.Size != 33 || w.Dataset != "shapes5i" || w.Backbone != "tiny" {
		t.Errorf("not the given settings: %+v", w)
	}
	if m := w.Machine; m.CPU == "" || m.Cores < 1 || m.Threads < 1 || m.ISA == "" || m.Precision != "fp32" || !strings.HasPrefix(m.Go, "go") || !strings.HasPrefix(m.Device, "cpu (") {
		t.Errorf("machine %+v", m)
	}
}

func TestBenchModel(t *testing.T) {
	if testing.Short() {
		t.Skip("measures the machine for seconds")
	}
	quick := []string{"model", "--set", "device=cpu", "--size", "33", "--shots", "2", "--batch", "3", "--runs", "3"}
	for _, mode := range []string{"train", "eval"} {
		if testing.Short() && mode == "eval" {
			continue // its parts are among those of training; every report measures the machine for a second
		}
		r := benchReport[benchModelReport](t, append(quick, "--mode", mode)...)
		checkWorkload(t, &r.benchWorkload, mode, 2, 3)
		s := r.Seconds
		if len(s.Runs) != 3 || r.Warmup != 1 || s.Median != slices.Sorted(slices.Values(s.Runs))[1] || s.Min <= 0 || s.Min > s.Median || s.Median > s.Max {
			t.Errorf("%s: seconds %+v", mode, s)
		}
		if math.Abs(r.EpisodesPerSecond-3/s.Median) > 1e-6*r.EpisodesPerSecond || math.Abs(r.ShareOfPeak-r.ReleaseGFLOPS/r.PeakGFLOPS) > 1e-6 || r.ReleaseGFLOP <= 0 {
			t.Errorf("%s: rates %+v", mode, r)
		}
		if r.ActivationsMiB <= 0 || r.ArenaMiB < r.ActivationsMiB || r.PeakMiB < r.ArenaMiB {
			t.Errorf("%s: memory: process %g, arena %g, in use %g MiB", mode, r.PeakMiB, r.ArenaMiB, r.ActivationsMiB)
		}
		seen := map[string]benchOperator{}
		sum := 0.0
		for i, o := range r.Operators {
			if i > 0 && o.MS > r.Operators[i-1].MS {
				t.Errorf("%s: %s takes longer than the one above it", mode, o.Name)
			}
			seen[o.Name] = o
			sum += o.MS
		}
		if sum > 1000*r.OperatorsSeconds.Max {
			t.Errorf("%s: operators take %g ms of %g ms", mode, sum, 1000*r.OperatorsSeconds.Max)
		}
		if o := seen["FrozenConv2D"]; o.Calls == 0 || o.GFLOP <= 0 || o.GB <= 0 {
			t.Errorf("%s: %+v", mode, o)
		}
		if _, ok := seen["AdamW"]; ok != (mode == "train") {
			t.Errorf("%s: AdamW is in the table: %v", mode, ok)
		}
		if p := r.Stages; p == nil || p.Needed <= 0 || p.Needed > r.ReleaseGFLOP*1.2 || p.Floor <= 0 || p.Copy <= 0 || p.OnDevice <= 0 || p.OnDevice > 10*s.Max {
			t.Errorf("%s: parts %+v", mode, p)
		} else {
			names := ""
			for _, q := range p.Parts {
				names += " " + q.Name
				if q.MS <= 0 || q.ApartMS != 0 || q.Name == "backbone" && (q.GFLOP <= 0 || q.GB <= 0 || q.FloorMS <= 0) {
					t.Errorf("%s: %+v", mode, q)
				}
			}
			want := " upload backbone head prior projections ensemble transformer"
			if want += map[string]string{"eval": " predictions results", "train": " losses predictions backward results optimizer"}[mode]; names != want {
				t.Errorf("%s: parts%s, want%s", mode, names, want)
			}
		}
		if !testing.Short() {
			again := benchReport[benchModelReport](t, append(quick, "--mode", mode, "--ops=false")...)
			if again.Result != r.Result || again.OperatorsSeconds != nil || again.Operators != nil {
				t.Errorf("%s: the same work gives %v and %v, operators %v", mode, r.Result, again.Result, again.Operators)
			}
		}
		if mode == "eval" && !(r.Result >= 0 && r.Result <= 1) || mode == "train" && !(r.Result > 0) {
			t.Errorf("%s: result %g", mode, r.Result)
		}

		out, _, code := hdmnet(t, append(append([]string{"bench"}, quick...), "--mode", mode)...)
		for _, want := range []string{"shapes5i, tiny, " + mode + ", 2-shot, 33×33, batch 3, 3 runs after 1", "as the release computes it", "FrozenConv2D", "outside", "MiB", "after the exact shortcuts", "transformer"} {
			if code != ui.ExitOK || !strings.Contains(out, want) {
				t.Errorf("code %d, not %q: %s", code, want, out)
			}
		}
	}
}

func TestBenchOps(t *testing.T) {
	quick := []string{"ops", "--set", "device=cpu", "--size", "33", "--batch", "2", "--runs", "2"}
	r := benchReport[benchOpsReport](t, quick...)
	checkWorkload(t, &r.benchWorkload, "train", 1, 2)
	found := map[string]bool{}
	for _, c := range r.Calls {
		found[c.Operator] = true
		if c.MS <= 0 || c.Calls < 1 || c.Operator != "FreezeConv2D" && c.Shapes == "" {
			t.Errorf("%+v", c)
		}
		// The stem: 33² to 17², 27 inputs a position, of 2 queries and 2 supports.
		if c.Shapes == "4×17×17×16 4×33×33×3 kernel 3×3 stride 2 dilation 1" {
			if want := 2 * 4 * 289 * 16 * 27 / 1e9; math.Abs(c.GFLOP-want) > 1e-9 || c.Calls != 1 {
				t.Errorf("%+v, want %g·10⁹ operations in one call", c, want)
			}
			found["stem"] = true
		}
	}
	for _, name := range []string{"stem", "Linear", "LinearGradInput", "LinearGradWeight", "SelfAttentionGrad", "MaskedCorrelationGrad", "LayerNormGrad", "AdamW"} {
		if !found[name] {
			t.Errorf("no row of %s", name)
		}
	}
	out, _, code := hdmnet(t, append(append([]string{"bench"}, quick...), "--mode", "eval")...)
	if code != ui.ExitOK || !strings.Contains(out, "shapes5i, tiny, eval, 1-shot") || strings.Contains(out, "LinearGradWeight") || !strings.Contains(out, "MaskedCorrelation") {
		t.Errorf("code %d: %s", code, out)
	}
}

func TestBenchGemm(t *testing.T) {
	if testing.Short() {
		t.Skip("times every product of a network")
	}
	quick := []string{"gemm", "--set", "device=cpu", "--size", "33", "--sizes", "32,48", "--runs", "1"}
	r := benchReport[benchGemmReport](t, quick...)
	checkWorkload(t, &r.benchWorkload, "eval", 1, 1)
	best, stem := 0.0, false
	for _, p := range r.Products {
		best = max(best, p.Linear, p.Frozen)
		stem = stem || p.M == 2*17*17 && p.N == 16 && p.K == 27
		if p.Linear <= 0 || p.Frozen <= 0 || p.Share > 1 || math.Abs(p.Share-max(p.Linear, p.Frozen)/r.Best) > 1e-6 {
			t.Errorf("%+v", p)
		}
	}
	if len(r.Products) < 20 || r.Products[0].M != 32 || r.Products[1].K != 48 || !stem {
		t.Errorf("products %+v", r.Products)
	}
	if r.Best != best || r.OneCore <= 0 {
		t.Errorf("best %g of %g, one core %g", r.Best, best, r.OneCore)
	}
}

func TestBenchRoofline(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r := benchReport[benchRooflineReport](t, "roofline", "--device", "cpu")
	if len(r.Products) != 4 || r.Products[0].GFLOPS <= 0 || r.Copy <= 0 || r.HostToDevice <= 0 || r.DeviceToHost <= 0 || !strings.HasPrefix(r.Machine.Device, "cpu (") {
		t.Errorf("%+v", r)
	}
	for i, p := range r.Products {
		if want := []string{"fp32", "bf16x3", "tf32", "bf16"}[i]; p.Precision != want || (p.GFLOPS > 0) == (p.Reason != "") {
			t.Errorf("%+v, want %s", p, want)
		}
	}
	out, errs, code := hdmnet(t, "bench", "ceilings", "--device", "cpu")
	if code != ui.ExitOK || !strings.Contains(out, "products in fp32") || !strings.Contains(out, "the CPU has no tf32") || !strings.Contains(errs, "bench roofline now") {
		t.Errorf("code %d: %s%s", code, out, errs)
	}
	fails(t, ui.ExitUsage, []string{"bench", "roofline", "--device", "tpu"}, "tpu")
}

func TestBenchModelBadInput(t *testing.T) {
	for _, c := range []struct {
		code int
		args []string
		want []string
	}{
		{ui.ExitUsage, []string{"bench", "modle"}, []string{"did you mean model"}},
		{ui.ExitUsage, []string{"bench", "model", "x"}, []string{`"x"`}},
		{ui.ExitUsage, []string{"bench", "model", "--mode", "val"}, []string{`"val"`, "eval or train"}},
		{ui.ExitUsage, []string{"bench", "ops", "--runs", "0"}, []string{"--runs 0"}},
		{ui.ExitUsage, []string{"bench", "model", "--warmup", "-1"}, []string{"--warmup -1"}},
		{ui.ExitUsage, []string{"bench", "model", "--size", "40"}, []string{"40", "8n + 1"}},
		{ui.ExitUsage, []string{"bench", "model", "--batch", "0"}, []string{"eval.batch is 0"}},
		{ui.ExitUsage, []string{"bench", "model", "--device", "tpu"}, []string{"tpu"}},
		{ui.ExitError, []string{"bench", "model", "--config", "pascal5i_resnet5"}, []string{"did you mean pascal5i_resnet50"}},
		{ui.ExitUsage, []string{"bench", "gemm", "--sizes", "0"}, []string{"--sizes 0"}},
		{ui.ExitUsage, []string{"bench", "gemm", "--sizes", "100000"}, []string{"--sizes 100000"}},
	} {
		fails(t, c.code, c.args, c.want...)
	}
}
