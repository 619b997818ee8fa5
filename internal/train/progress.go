package train

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"
)

// lineEvery is the time between two lines of progress where there is no terminal.
const lineEvery = 10 * time.Second

// progress shows loss, speed and time left: a bar on a terminal, else a line now and then.
func (t *trainer) progress() Hook {
	var bar *progressbar.ProgressBar
	var begun, said time.Time
	first, images := 0, 0
	return Hook{
		Name: "progress", Priority: PriorityProgress,
		Start: func(st *Status) error {
			begun, said, first = time.Now(), time.Now(), st.Step
			if t.log.terminal {
				bar = progressbar.NewOptions(st.Steps,
					progressbar.OptionSetWriter(t.log.out), progressbar.OptionShowCount(), progressbar.OptionShowIts(),
					progressbar.OptionSetItsString("steps"), progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
					progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth())
				t.log.clear = func() { bar.Clear() }
			}
			return nil
		},
		Step: func(st *Status) error {
			images += st.Images
			if bar != nil {
				bar.Describe(fmt.Sprintf("%s epoch %d, loss %.3f", st.Stage, st.Epoch+1, st.Losses[total]))
				bar.Set(st.Step) // a terminal that cannot be written to is no reason to stop
				return nil
			}
			now := time.Now()
			if now.Sub(said) < lineEvery {
				return nil
			}
			said = now
			spent := now.Sub(begun)
			left := time.Duration(float64(spent) * float64(st.Steps-st.Step) / float64(st.Step-first)).Round(time.Second)
			fmt.Fprintf(t.log.out, "%s: step %d of %d, %s, %.1f images a second, %v left\n",
				st.Stage, st.Step, st.Steps, formatLosses(st.Losses), float64(images)/spent.Seconds(), left)
			return nil
		},
		End: func(*Status) error {
			if bar != nil {
				bar.Clear()
				t.log.clear = nil
			}
			return nil
		},
	}
}
