package effecttest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sfere-go/sfere/dispatch"
	"github.com/sfere-go/sfere/effect"
	"github.com/sfere-go/sfere/internal/core"
	"github.com/sfere-go/sfere/registry"
)

// Run reports to t every way in which r is not fit for a catalogue:
//
//   - it does not build, or an item has no doc that says something;
//   - a name differs between the zero value and an example;
//   - an effect or action has no example (effect.About.Examples);
//   - an example does not come back equal through JSON;
//   - a list or a placeholder in an example names something that r does not hold.
//
// If the examples use items of other registries, join those before calling Run.
// Handlers are not run. Every message says why the check exists and what to do.
func Run[C any](t testing.TB, r registry.Registry[C]) {
	t.Helper()
	d, err := dispatch.New(r)
	if err != nil {
		t.Errorf("the registry does not build, so no program can use it: %v", err)
		return
	}
	for info := range r.All() {
		for _, problem := range checkSafely(d, info) {
			t.Errorf("%s %s (%s): %s", info.Kind, info.Name, info.Site, problem)
		}
	}
}

// checkSafely is check with a panic of a method of the types as a problem.
func checkSafely[C any](d *dispatch.Dispatcher[C], info effect.Info) (problems []string) {
	defer func() {
		if p := recover(); p != nil {
			problems = append(problems, "a method of its type or of its examples panics, so nobody can write, read or compare them: "+core.SafeValue(p))
		}
	}()
	return check(d, info)
}

// check returns what is wrong with one item.
func check[C any](d *dispatch.Dispatcher[C], info effect.Info) []string {
	var problems []string
	fail := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	checkDoc(info, fail)
	checkName(info, reflect.Zero(info.Type).Interface(), "the zero value", fail)
	if len(info.Examples) == 0 && info.Kind != "placeholder" && info.Type.NumField() > 0 {
		fail("it has no example: catalogues show examples and this kit checks them; add some with About(effect.About{Examples: ...})")
	}
	for i, x := range info.Examples {
		at := fmt.Sprintf("example %d", i)
		checkName(info, x, at, fail)
		if !checkNested(d, x, at, fail) {
			continue // decoding would only say it again
		}
		checkRoundTrip(d, info, x, at, fail)
	}
	return problems
}

func checkDoc(info effect.Info, fail func(string, ...any)) {
	doc := strings.TrimSpace(info.Doc)
	_, short, _ := strings.Cut(info.Name, "/")
	if len(strings.Fields(doc)) < 2 || strings.EqualFold(strings.Trim(doc, "."), short) {
		fail("the doc %q says nothing: people and tools choose items by their docs; write a sentence", info.Doc)
	}
}

func checkName(info effect.Info, x any, at string, fail func(string, ...any)) {
	defer func() {
		if p := recover(); p != nil {
			fail("EffectName panics on %s: the name must be a constant, as it is asked without a value too: %s", at, core.SafeValue(p))
		}
	}()
	data, ok := x.(effect.Data)
	if !ok {
		fail("%s is not effect data", at)
		return
	}
	if got := data.EffectName(); got != info.Name {
		fail("EffectName of %s is %q: the name must be a constant of the type, or the wire form of the value names another item", at, got)
	}
	if again := data.EffectName(); again != data.EffectName() {
		fail("EffectName of %s changes from call to call: return a constant", at)
	}
}

// checkNested looks at the lists and references inside x and reports whether all
// are known.
func checkNested[C any](d *dispatch.Dispatcher[C], x effect.Data, at string, fail func(string, ...any)) bool {
	x, plan := value(x)
	if plan == nil {
		return true // already reported
	}
	fine := true
	bad := func(format string, args ...any) {
		fine = false
		fail(format, args...)
	}
	err := plan.EachNested(x, func(list any) error {
		for i, item := range list.(effect.List) {
			where := fmt.Sprintf("%s, nested item %d", at, i)
			if item == nil {
				bad("%s is nil: it fails when the list is dispatched; leave it out", where)
				continue
			}
			if v := reflect.ValueOf(item); v.Kind() == reflect.Pointer && v.IsNil() {
				bad("%s is a nil %T: it fails when the list is dispatched; leave it out", where, item)
				continue
			}
			name := core.SafeName(item)
			if _, ok := d.Get(name); !ok && name != (effect.Batch{}).EffectName() && name != (effect.Serial{}).EffectName() {
				bad("%s is %s, which has no handler here: the list would fail when it is dispatched; join the registry that has it, or correct the name", where, core.ShowName(name))
				continue
			}
			fine = checkNested(d, item, where, fail) && fine
		}
		return nil
	})
	if err == nil {
		_, err = plan.MapLate(x, func(l core.Late) error {
			ref := l.Ref().(effect.Data)
			name := core.SafeName(ref)
			info, ok := d.Get(name)
			if !ok || info.Kind != "placeholder" {
				bad("%s refers to %s, which is no placeholder here: the value could never be resolved; join the registry that has it, or correct the name", at, core.ShowName(name))
				return nil
			}
			fine = checkNested(d, ref, at+", "+name, fail) && fine
			return nil
		})
	}
	if err != nil {
		bad("%s cannot be looked through: %v", at, err)
	}
	return fine
}

// value follows a pointer and finds the plan of the type; nil for wire form,
// which is checked when it is decoded.
func value(x effect.Data) (effect.Data, *core.Plan) {
	v := reflect.ValueOf(x)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		if y, ok := v.Elem().Interface().(effect.Data); ok {
			x = y
		}
	}
	if _, raw := x.(effect.Raw); raw {
		return x, nil
	}
	plan, err := core.NewPlan(reflect.TypeOf(x))
	if err != nil {
		return x, nil
	}
	return x, plan
}

func checkRoundTrip[C any](d *dispatch.Dispatcher[C], info effect.Info, x effect.Data, at string, fail func(string, ...any)) {
	x, _ = value(x)
	text, err := effect.List{x}.MarshalJSON()
	if err != nil {
		fail("%s cannot be written as JSON, so it cannot be sent or logged: %v", at, err)
		return
	}
	back, err := d.Decode(text)
	if err != nil {
		fail("%s cannot be read back from its own JSON: check the json tags of %s: %v\n%s", at, info.Type, err, text)
		return
	}
	want := effect.List{x}
	if holdsRaw(x) { // wire form is read into types, so compare what was read
		want = back
		if text, err = back.MarshalJSON(); err == nil {
			back, err = d.Decode(text)
		}
		if err != nil {
			fail("%s cannot be written and read again: %v", at, err)
			return
		}
	}
	diff, err := difference(want, back)
	if err != nil {
		fail("%s cannot be compared, so no test can use cmp.Diff on it: %v", at, err)
	} else if diff != "" {
		fail("%s is another value after a round trip through JSON, so it would do something else on another machine; check the json tags of %s (-example +decoded):\n%s", at, info.Type, diff)
	}
}

// holdsRaw reports whether some item or reference inside x is in wire form.
func holdsRaw(x effect.Data) bool {
	x, plan := value(x)
	if plan == nil {
		return true
	}
	found := false
	_ = plan.EachNested(x, func(list any) error {
		for _, item := range list.(effect.List) {
			found = found || holdsRaw(item)
		}
		return nil
	})
	_, _ = plan.MapLate(x, func(l core.Late) error {
		found = found || holdsRaw(l.Ref().(effect.Data))
		return nil
	})
	return found
}

// difference is cmp.Diff with its panic on unexported fields as an error.
func difference(a, b effect.List) (diff string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New(core.SafeValue(p))
		}
	}()
	return cmp.Diff(a, b), nil
}
