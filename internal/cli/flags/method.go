package flags

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hdmnet/internal/cli/ui"
	"hdmnet/internal/experiment"
)

// MethodHDMNet is a trained network; the other methods are experiment.Methods, without training.
const MethodHDMNet = "hdmnet"

func methods() []string { return append([]string{MethodHDMNet}, experiment.Methods()...) }

// Method adds --method.
func Method(cmd *cobra.Command, method *string) {
	cmd.Flags().StringVar(method, "method", MethodHDMNet, "hdmnet, a trained network, or without training, by the features of an encoder (--weights: DINOv3 or DINOv2): "+strings.Join(experiment.Methods(), ", "))
	Complete(cmd, "method", methods()...)
}

// CheckMethod refuses a method that there is not, and what a method without training does not take.
func CheckMethod(s *Settings, method string) error {
	switch {
	case method == MethodHDMNet:
		return nil
	case !slices.Contains(methods(), method):
		return ui.Usagef("--method %q: expected one of %s", method, strings.Join(methods(), ", "))
	case s.Given("run"):
		return ui.Usagef("--method %s has no run: give the encoder with --weights FILE", method)
	case !s.Given("weights"):
		return ui.Usagef("--method %s needs an encoder's weights: give --weights FILE (docs/foundation.md says where they are)", method)
	}
	for _, name := range []string{"shot-fusion", "tta"} {
		if s.Given(name) {
			return ui.Usagef("--%s goes with --method hdmnet; leave it out", name)
		}
	}
	return nil
}
