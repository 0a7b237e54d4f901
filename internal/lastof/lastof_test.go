package lastof

import "testing"

func TestMap(t *testing.T) {
	m := Map[int, string]{Max: 3}
	if _, ok := m.Get(1); ok {
		t.Error("an empty Map has something")
	}
	for i := range 8 {
		m.Set(i, "?")
		m.Set(i, string(rune('a'+i))) // which costs no other its place
	}
	got := ""
	for i := range 8 {
		v, _ := m.Get(i)
		got += v
	}
	if got != "fgh" || len(m.values) != 3 {
		t.Errorf("it remembers %q of abcdefgh, in %d places; want the last three", got, len(m.values))
	}
}
