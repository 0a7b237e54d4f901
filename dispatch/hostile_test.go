package dispatch_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Text within the limits is read in a time that a server can afford, however
// it is made.
func TestHostileTextIsReadInTime(t *testing.T) {
	d := wireTester(t, nil)
	note := `{"effect":"test/note","args":{"text":"x"}}`
	deep := strings.Repeat(note+",", 9_000) + note
	for range 15 {
		deep = `{"effect":"effect/batch","args":{"effects":[` + deep + `]}}`
	}
	var unknown []string
	for i := range 10_000 {
		unknown = append(unknown, fmt.Sprintf(`{"effect":"test/nte%d"}`, i%10))
	}
	for _, row := range []struct{ name, text string }{
		{"deep", "[" + deep + "]"},
		{"unknown names", "[" + strings.Join(unknown, ",") + "]"},
		{"one long string", `[{"effect":"test/note","args":{"text":"` + strings.Repeat(`\u0041`, 150_000) + `"}}]`},
		{"many keys", `[{"effect":"test/form","args":{"any":{` + strings.Repeat(`"a":{},`, 100_000) + `"b":{}}}}]`},
	} {
		began := time.Now()
		_, _ = d.Decode([]byte(row.text))
		took := time.Since(began)
		t.Logf("%s: %d bytes in %v", row.name, len(row.text), took)
		if took > 20*time.Second { // generous: machines differ, and the race detector slows
			t.Errorf("%s took %v", row.name, took)
		}
	}
}
