package project

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"hdmnet/internal/serve/fault"
)

// Class is what is looked for.
type Class struct {
	ID        int     `json:"id"` // from 1, never used again
	Name      string  `json:"name"`
	Color     string  `json:"color"`     // #rrggbb
	Threshold float64 `json:"threshold"` // the probability above which a pixel is of the class
}

// colors are given to classes in turn: those of Trubetskoy's list that are told apart best.
var colors = []string{"#e6194b", "#3cb44b", "#ffe119", "#4363d8", "#f58231", "#42d4f4", "#f032e6", "#bfef45", "#fabed4", "#469990",
	"#dcbeff", "#9a6324", "#800000", "#aaffc3", "#808000", "#000075"}

var colorForm = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func (h *head) class(id int) *Class {
	if i := slices.IndexFunc(h.Classes, func(c Class) bool { return c.ID == id }); i >= 0 {
		return &h.Classes[i]
	}
	return nil
}

// Classes are all classes, by their ids.
func (p *Project) Classes() []Class {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Clone(p.head.Classes)
}

// Class is the class of an id.
func (p *Project) Class(id int) (Class, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if c := p.head.class(id); c != nil {
		return *c, nil
	}
	return Class{}, fault.New(http.StatusNotFound, "ask /api/state for the classes that there are, or make one with POST /api/classes", "there is no class %d", id)
}

// changeHead makes a change to the classes durable.
func (p *Project) changeHead(change func(h *head) error) error {
	p.classing.Lock()
	defer p.classing.Unlock()
	p.mu.RLock()
	h := p.head
	h.Classes = slices.Clone(h.Classes)
	p.mu.RUnlock()
	if err := change(&h); err != nil {
		return err
	}
	if err := p.writeHead(h); err != nil {
		return err
	}
	p.mu.Lock()
	p.head = h
	p.mu.Unlock()
	p.turns.Add(1)
	return nil
}

// AddClass makes a class. Without a color it gets one.
func (p *Project) AddClass(name, color string) (c Class, err error) {
	err = p.changeHead(func(h *head) error {
		if len(h.Classes) >= p.limits.Classes {
			return fault.New(http.StatusConflict, "delete a class that is not needed", "there are %d classes, and no more are possible", len(h.Classes))
		}
		if color == "" {
			color = colors[(h.NextClass-1)%len(colors)]
		}
		c = Class{ID: h.NextClass, Name: strings.TrimSpace(name), Color: color, Threshold: 0.5}
		h.NextClass++
		h.Classes = append(h.Classes, c)
		return h.check(&c)
	})
	return c, err
}

// ChangeClass changes a class, but for its id.
func (p *Project) ChangeClass(id int, change func(*Class)) (c Class, err error) {
	err = p.changeHead(func(h *head) error {
		at := h.class(id)
		if at == nil {
			_, err := p.Class(id)
			return err
		}
		change(at)
		at.ID, at.Name = id, strings.TrimSpace(at.Name)
		c = *at
		return h.check(&c)
	})
	return c, err
}

// check refuses a class that cannot be.
func (h *head) check(c *Class) error {
	switch {
	case c.Name == "" || utf8.RuneCountInString(c.Name) > 100 || strings.ContainsFunc(c.Name, func(r rune) bool { return r < ' ' || r == utf8.RuneError || r == 0x7f }):
		return fault.New(http.StatusBadRequest, "give it a name of 1 to 100 characters on one line", "%.120q is no name of a class", c.Name)
	case !colorForm.MatchString(c.Color):
		return fault.New(http.StatusBadRequest, "give a color as #rrggbb", "%.20q is no color", c.Color)
	case !(c.Threshold >= 0 && c.Threshold < 1):
		return fault.New(http.StatusBadRequest, "give a probability from 0 to below 1", "threshold %g", c.Threshold)
	}
	for _, other := range h.Classes {
		if other.ID != c.ID && strings.EqualFold(other.Name, c.Name) {
			return fault.New(http.StatusConflict, "choose another name", "there is a class %q already", other.Name)
		}
	}
	return nil
}

// RemoveClass removes a class with its supports and masks.
func (p *Project) RemoveClass(id int) error {
	err := p.changeHead(func(h *head) error {
		if h.class(id) == nil {
			_, err := p.Class(id)
			return err
		}
		h.Classes = slices.DeleteFunc(h.Classes, func(c Class) bool { return c.ID == id })
		return nil
	})
	if err != nil {
		return err
	}
	// The class is gone; what is left of it in a record counts for nothing from now on.
	for _, r := range p.Records() {
		if r.Support(id) == nil && r.Mask(id) == nil {
			continue
		}
		_, err := p.change(r.Image.ID, func(r *Record) error {
			r.without(func(class int) bool { return class != id })
			return nil
		})
		if err != nil && fault.Of(err).Status != http.StatusNotFound {
			return err
		}
	}
	return nil
}
