// Package fault is errors that people see of a server: what is wrong, and what to do.
package fault

import (
	"errors"
	"fmt"
	"net/http"
)

// Fault is an error with its remedy and the status that HTTP answers with.
type Fault struct {
	Status int    `json:"-"`
	What   string `json:"what"`
	Remedy string `json:"remedy"`
}

func (f *Fault) Error() string {
	if f.Remedy == "" {
		return f.What
	}
	return f.What + "; " + f.Remedy
}

// New is a fault; what is a format of args.
func New(status int, remedy, what string, args ...any) *Fault {
	return &Fault{status, fmt.Sprintf(what, args...), remedy}
}

// Of is the fault that err is or holds. Any other error is one of the server's, with its text.
func Of(err error) *Fault {
	if f := (*Fault)(nil); errors.As(err, &f) {
		return f
	}
	return &Fault{http.StatusInternalServerError, err.Error(), "look at the messages of the server"}
}
