// Package near suggests what somebody may have meant by a name that nobody
// registered.
package near

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// Hint returns ": did you mean a or b?" with the known names that look like
// name, and "" if none does.
func Hint(name string, known iter.Seq[string]) string {
	if found := Names(name, known); len(found) > 0 {
		return ": did you mean " + strings.Join(found, " or ") + "?"
	}
	return ""
}

// Names returns up to three known names that look like name, closest first.
func Names(name string, known iter.Seq[string]) []string {
	if len(name) > 200 { // no name of ours; do not spend time on it
		return nil
	}
	type candidate struct {
		name string
		far  int
	}
	var found []candidate
	own, lower := name[strings.LastIndex(name, "/")+1:], strings.ToLower(name)
	var row []int
	for k := range known {
		limit := max(2, len(k)/4)
		far := limit + 1
		// The lengths alone rule most names out; text from outside may hold
		// thousands of unknown ones.
		if diff := len(name) - len(k); max(diff, -diff) <= limit {
			far, row = distance(lower, k, row)
		}
		if _, kown, _ := strings.Cut(k, "/"); strings.EqualFold(own, kown) {
			far = min(far, 1)
		}
		if far <= limit {
			found = append(found, candidate{k, far})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.far, b.far) })
	var out []string
	for _, c := range found[:min(3, len(found))] {
		out = append(out, c.name)
	}
	return out
}

// distance is the Levenshtein distance in bytes. It uses row, and returns what to give
// it the next time.
func distance(a, b string, row []int) (int, []int) {
	row = row[:0]
	for j := range len(b) + 1 {
		row = append(row, j)
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
	return row[len(b)], row
}
