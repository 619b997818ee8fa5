package flags

import (
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/ui"
)

// The ways to find objects.
const (
	MethodHDMNet = "hdmnet" // a trained network
	MethodINSID3 = "insid3" // an encoder's features, without training
)

var methods = []string{MethodHDMNet, MethodINSID3}

// Method adds --method.
func Method(cmd *cobra.Command, method *string) {
	cmd.Flags().StringVar(method, "method", MethodHDMNet, "hdmnet, a trained network, or insid3: without training, by the features of an encoder (--weights: DINOv3 or DINOv2)")
	Complete(cmd, "method", methods...)
}

// CheckMethod refuses a method that there is not, and what a method without training does not take.
func CheckMethod(s *Settings, method string) error {
	switch method {
	case MethodHDMNet:
		return nil
	case MethodINSID3:
	default:
		return ui.Usagef("--method %q: expected one of %s", method, strings.Join(methods, ", "))
	}
	if s.Given("run") {
		return ui.Usagef("--method insid3 has no run: give the encoder with --weights FILE")
	}
	if !s.Given("weights") {
		return ui.Usagef("--method insid3 needs an encoder's weights: give --weights FILE (docs/foundation.md says where they are)")
	}
	for _, name := range []string{"shot-fusion", "tta"} {
		if s.Given(name) {
			return ui.Usagef("--%s goes with --method hdmnet; leave it out", name)
		}
	}
	return nil
}
