package op

import (
	"strings"
	"testing"
)

func TestPrecisionNames(t *testing.T) {
	for i, name := range PrecisionNames() {
		p, err := ParsePrecision(name)
		if err != nil || p != Precision(i) || p.String() != name {
			t.Errorf("%q is %v: %v", name, p, err)
		}
	}
	if p, err := ParsePrecision("fp32"); p != FP32 || err != nil {
		t.Errorf("fp32 is %d: %v", p, err)
	}
	for _, name := range []string{"", "FP32", "fp16"} {
		if _, err := ParsePrecision(name); err == nil || !strings.Contains(err.Error(), `"`+name+`"`) || !strings.Contains(err.Error(), "fp32, bf16x3, tf32, bf16") {
			t.Errorf("%q: %v", name, err)
		}
	}
}
