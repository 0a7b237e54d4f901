package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// unknown returns the error for a name that nobody registered, with names that
// look like it.
func (c *Catalogue) unknown(name string) error {
	if near := c.near(name); len(near) > 0 {
		return fmt.Errorf("%w: %q: did you mean %s?", ErrUnknown, name, strings.Join(near, " or "))
	}
	return fmt.Errorf("%w: %q", ErrUnknown, name)
}

// near returns up to three registered names close to name, closest first.
func (c *Catalogue) near(name string) []string {
	if len(name) > 200 { // no name of ours; do not spend time on it
		return nil
	}
	type candidate struct {
		name string
		far  int
	}
	var found []candidate
	for _, i := range c.items {
		far := distance(strings.ToLower(name), i.Name)
		if _, own, _ := strings.Cut(i.Name, "/"); own == name[strings.LastIndex(name, "/")+1:] {
			far = min(far, 1)
		}
		if far <= max(2, len(i.Name)/4) {
			found = append(found, candidate{i.Name, far})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.far, b.far) })
	var out []string
	for _, f := range found[:min(3, len(found))] {
		out = append(out, f.name)
	}
	return out
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
