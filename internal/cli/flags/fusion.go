package flags

import (
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/model"
	"hdmnet/internal/tta"
)

// Fusion adds --shot-fusion and --tta: how several supports, and several views of a
// picture, become one prediction.
func Fusion(s *Settings) {
	f := s.Cmd.Flags()
	f.String("shot-fusion", "", "how several supports count together: auto, joint, scaled or vote (default auto)")
	f.String("tta", "", "test-time augmentation, `VIEWS` such as flip or flip,scales=0.8,1,1.2: slower, the mean of all views")
	s.Bind("shot-fusion", "model.shot_fusion")
	s.Bind("tta", "eval.tta")
	var names []string
	for _, f := range model.Fusions() {
		names = append(names, string(f))
	}
	Complete(s.Cmd, "shot-fusion", names...)
	Complete(s.Cmd, "tta", "flip", "flip,scales=0.8,1,1.2")
}

// Views are the views of --tta.
func Views(c *config.Config) ([]tta.View, error) {
	views, err := tta.Parse(c.Eval.TTA)
	if err != nil {
		return nil, &ui.UsageError{Err: err}
	}
	return views, nil
}
