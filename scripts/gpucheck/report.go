package main

import (
	"fmt"
	"strings"
)

// report is what all calls so far have found, in Markdown.
func (c *check) report(all []step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# gpu-check, build %s, %s size\n\n", c.results.Build, c.size.name)
	var machine string
	if c.results.data("machine", &machine) {
		fmt.Fprintf(&b, "%s\n\n", machine)
	}
	c.reportSteps(&b, all)
	c.reportCeilings(&b)
	for _, mode := range []string{"train", "eval"} {
		for _, precision := range []string{"bf16", "tf32"} {
			c.reportParts(&b, mode, precision)
		}
	}
	b.WriteString("\n## Beside PyTorch\n\n")
	var torch string
	if c.results.data("peer", &torch) {
		fmt.Fprintf(&b, "PyTorch %s. ", torch)
	} else if o, tried := c.results.Steps["peer"]; tried {
		fmt.Fprintf(&b, "No PyTorch: %s. ", o.Reason)
	}
	b.WriteString("Medians of interleaved pairs; a training step of hdmnet has its upload in it, PyTorch's has not.\n\n" + c.comparison())
	c.reportTraining(&b)
	return b.String()
}

// reportSteps counts the steps and names those that are not well.
func (c *check) reportSteps(b *strings.Builder, all []step) {
	count := map[string]int{}
	var reasons []string
	names := map[string][]string{} // by reason
	for _, s := range all {
		o, tried := c.results.Steps[s.name]
		if !tried {
			o.Status = "to do"
		}
		count[o.Status]++
		if tried && o.Status != "ok" && o.Status != "no time" {
			reason := o.Status + ", " + o.Reason
			if names[reason] == nil {
				reasons = append(reasons, reason)
			}
			names[reason] = append(names[reason], s.name)
		}
	}
	fmt.Fprintf(b, "%d steps: %d ok, %d skipped, %d failed, %d cut off, %d to do\n", len(all), count["ok"], count["skipped"], count["failed"], count["timeout"],
		count["to do"]+count["no time"])
	b.WriteByte('\n')
	for _, reason := range reasons {
		fmt.Fprintf(b, "- %s: %s\n", strings.Join(names[reason], ", "), reason)
	}
	var memory struct{ Memory []string }
	if c.results.data("memory", &memory) && len(memory.Memory) > 0 {
		fmt.Fprintf(b, "\nMemory:\n\n    %s\n", strings.Join(memory.Memory, "\n    "))
	}
}

func (c *check) reportCeilings(b *strings.Builder) {
	type ceilings struct {
		Products []struct {
			Precision string
			GFLOPS    float64 `json:"gflop_s"`
		}
		Copy float64 `json:"copy_gb_s"`
		To   float64 `json:"host_to_device_gb_s"`
		From float64 `json:"device_to_host_gb_s"`
	}
	var with, without ceilings
	if !c.results.data("ceilings", &with) {
		return
	}
	c.results.data("ceilings-kernels", &without)
	peer := map[string]float64{}
	c.results.data("ceilings-peer", &peer)
	b.WriteString("\n## Ceilings\n\n| large products, 10⁹ operations/s | as it runs | own kernels alone | PyTorch |\n|---|---|---|---|\n")
	for i, p := range with.Products {
		own := 0.0
		if i < len(without.Products) {
			own = without.Products[i].GFLOPS
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", p.Precision, cell(p.GFLOPS), cell(own), cell(peer[p.Precision]))
	}
	fmt.Fprintf(b, "\nCopies: %.1f GB/s on the device (read and written), %.1f GB/s from the host, %.1f GB/s to it.\n", with.Copy, with.To, with.From)
}

func (c *check) reportParts(b *strings.Builder, mode, precision string) {
	var r struct {
		Seconds struct{ Median float64 }
		Stages  struct {
			Needed   float64 `json:"needed_gflop"`
			Floor    float64 `json:"floor_seconds"`
			Share    float64 `json:"share_of_floor"`
			OnDevice float64 `json:"on_device_seconds"`
			Parts    []struct {
				Name    string
				MS      float64
				ApartMS float64 `json:"apart_ms"`
				GFLOP   float64
				GB      float64
				FloorMS float64 `json:"floor_ms"`
				Share   float64
			}
		}
	}
	if !c.results.data("parts-"+mode+"-"+precision, &r) {
		return
	}
	s := &r.Stages
	fmt.Fprintf(b, "\n## Parts: %s in %s\n\n%.2f ms, of it %.2f ms without the copies from and to the host; floor %.2f ms for %.4g·10⁹ operations: %.0f%% of the time\n\n",
		mode, precision, 1000*r.Seconds.Median, 1000*s.OnDevice, 1000*s.Floor, s.Needed, 100*s.Share)
	b.WriteString("| part | ms | ms without graphs | 10⁹ operations | GB | at the ceilings, ms | share |\n|---|---|---|---|---|---|---|\n")
	for _, p := range s.Parts {
		fmt.Fprintf(b, "| %s | %s | %s | %.4g | %.3g | %.2f | %.0f%% |\n", p.Name, cell(p.MS), cell(p.ApartMS), p.GFLOP, p.GB, p.FloorMS, 100*p.Share)
	}
}

// points is how much lower the mean score of trainings in bf16 may be than the CPU's.
const points = 0.01

func (c *check) reportTraining(b *strings.Builder) {
	sum, count := map[string]float64{}, map[string]int{}
	var lines []string
	for _, k := range kinds {
		for seed := 1; seed <= c.size.seeds; seed++ {
			var s score
			if !c.results.data(fmt.Sprintf("training-%s-%d", k.name, seed), &s) {
				continue
			}
			sum[k.name] += s.MIoU
			count[k.name]++
			lines = append(lines, fmt.Sprintf("| %s | %d | %.0f s | %.4f |", k.name, seed, s.Seconds, s.MIoU))
		}
	}
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## Trainings of shapes5i\n\n| on | seed | trained in | mIoU |\n|---|---|---|---|\n%s\n", strings.Join(lines, "\n"))
	gpu, cpu := kinds[0].name, kinds[1].name
	if count[gpu] == c.size.seeds && count[cpu] == c.size.seeds {
		d, verdict := sum[gpu]/float64(count[gpu])-sum[cpu]/float64(count[cpu]), "holds"
		switch {
		case sum[cpu] == 0:
			verdict = "says nothing, as the CPU's networks have learnt nothing"
		case d < -points:
			verdict = "MISSED"
		}
		fmt.Fprintf(b, "\nbf16 differs from the CPU by %+.4f in the mean; at most %.2f lower: %s.\n", d, points, verdict)
	}
}
