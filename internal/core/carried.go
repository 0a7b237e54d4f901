package core

import (
	"errors"
	"reflect"
)

// Carried is an error that holds errors which are reported elsewhere, such as what
// a handler made of the error of its continuation. It says what the whole said
// when it was made, so that texts do not grow with each level, and leads to those
// parts only that are not reported.
type Carried struct {
	text   string
	layers []error // on the way to the reported ones
	rest   []error // the parts that are not reported
	plain  bool    // the layers add nothing, they are lists
}

// maxParts bounds how much of an error is looked through.
const maxParts = 100_000

// Parts calls do with the errors that err is made of, in the order of errors.Is,
// until do returns false for one: what is below that is left out.
func Parts(err error, do func(error) bool) {
	n := 0
	var walk func(err error, depth int)
	walk = func(err error, depth int) {
		if n++; err == nil || n > maxParts || depth > maxValueDepth || !do(err) {
			return
		}
		below(err, func(err error) { walk(err, depth+1) })
	}
	defer func() { _ = recover() }() // of an Unwrap method
	walk(err, 0)
}

// below calls do with what err unwraps to.
func below(err error, do func(error)) {
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		do(x.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range x.Unwrap() {
			do(err)
		}
	}
}

// Carry returns err without the parts for which reported is true.
func Carry(err error, reported func(error) bool) (c *Carried) {
	c = &Carried{text: SafeText(err), plain: true}
	n := 0
	var walk func(err error, depth int) (holds bool)
	walk = func(err error, depth int) (holds bool) {
		if n++; n > maxParts || depth > maxValueDepth {
			return false
		}
		if reported(err) {
			return true
		}
		at := len(c.rest)
		parts := 0
		below(err, func(part error) {
			if part == nil {
				return
			}
			parts++
			if walk(part, depth+1) {
				holds = true
			} else {
				c.rest = append(c.rest, part)
			}
		})
		if !holds { // all of it is rest, and the caller takes it as a whole
			c.rest = c.rest[:at]
			return false
		}
		c.layers = append(c.layers, err)
		c.plain = c.plain && isList(err)
		return true
	}
	done := false
	defer func() {
		if !done { // an Unwrap method panics
			_ = recover()
			c.layers, c.rest, c.plain = nil, []error{opaque{err}}, false
		}
	}()
	if !walk(err, 0) {
		c.rest, c.plain = []error{err}, false
	}
	done = true
	return c
}

// opaque is an error whose parts are not to be looked at.
type opaque struct{ err error }

func (o opaque) Error() string { return SafeText(o.err) }

var joinType = reflect.TypeOf(errors.Join(errors.New("")))

// isList reports whether err says nothing of its own.
func isList(err error) bool {
	switch err.(type) {
	case *Joined, *Carried:
		return true
	}
	return reflect.TypeOf(err) == joinType
}

// Whole reports whether all of the error is reported elsewhere.
func (c *Carried) Whole() bool { return len(c.rest) == 0 }

// Plain reports whether it is so, and the error adds nothing to that.
func (c *Carried) Plain() bool { return c.Whole() && c.plain }

// Error returns the text of the whole error.
func (c *Carried) Error() string { return c.text }

// Unwrap returns the parts that are not reported.
func (c *Carried) Unwrap() []error { return c.rest }

// Is reports whether target is the error, or something it has put around the
// parts.
func (c *Carried) Is(target error) bool {
	if target == nil || !reflect.TypeOf(target).Comparable() {
		return false
	}
	for _, err := range c.layers {
		if reflect.ValueOf(err).Comparable() && reflect.ValueOf(target).Comparable() && err == target {
			return true
		}
		if x, ok := err.(interface{ Is(error) bool }); ok && x.Is(target) {
			return true
		}
	}
	return false
}

// As finds what the error has put around the parts, as errors.As does.
func (c *Carried) As(target any) bool {
	v := reflect.ValueOf(target)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return false
	}
	want := v.Type().Elem()
	for i := len(c.layers) - 1; i >= 0; i-- { // the outermost is the last
		err := c.layers[i]
		if reflect.TypeOf(err).AssignableTo(want) {
			v.Elem().Set(reflect.ValueOf(err))
			return true
		}
		if x, ok := err.(interface{ As(any) bool }); ok && x.As(target) {
			return true
		}
	}
	return false
}
