package flags

import (
	"hdmnet/internal/cli/ui"
	"hdmnet/internal/config"
	"hdmnet/internal/model"
	"hdmnet/internal/refine"
	"hdmnet/internal/tta"
)

// Fusion adds --shot-fusion, --tta and --refine: how several supports, and several views of
// a picture, become one prediction, and what becomes of its outline.
func Fusion(s *Settings) {
	f := s.Cmd.Flags()
	f.String("shot-fusion", "", "how several supports count together: auto, joint, scaled or vote (default auto)")
	f.String("tta", "", "test-time augmentation, `VIEWS` such as flip or flip,scales=0.8,1,1.2: slower, the mean of all views")
	f.String("refine", "", "outlines follow the edges of the picture: guided, or guided,radius=R,eps=E")
	s.Bind("refine", "eval.refine")
	Complete(s.Cmd, "refine", "guided")
	s.Bind("shot-fusion", "model.shot_fusion")
	s.Bind("tta", "eval.tta")
	var names []string
	for _, f := range model.Fusions() {
		names = append(names, string(f))
	}
	Complete(s.Cmd, "shot-fusion", names...)
	Complete(s.Cmd, "tta", "flip", "flip,scales=0.8,1,1.2")
}

// Refinement is what --refine says.
func Refinement(c *config.Config) (*refine.Guided, error) {
	g, err := refine.Parse(c.Eval.Refine)
	if err != nil {
		return nil, &ui.UsageError{Err: err}
	}
	return g, nil
}

// Views are the views of --tta.
func Views(c *config.Config) ([]tta.View, error) {
	views, err := tta.Parse(c.Eval.TTA)
	if err != nil {
		return nil, &ui.UsageError{Err: err}
	}
	return tta.InPatches(views, c.Model.Patch()), nil
}
