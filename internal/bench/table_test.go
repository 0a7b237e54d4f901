//go:build unix

package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// row is the outcome of one benchmark.
type row struct {
	Group   string             `json:"group"` // rows with the same floor
	Name    string             `json:"name"`
	Floor   bool               `json:"floor"`
	Metrics map[string]float64 `json:"metrics"`
}

// table gathers the rows of a run.
type table struct {
	mu   sync.Mutex // guards rows
	rows []row
}

// results is filled by the benchmarks and printed by TestMain.
var results table

func (t *table) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// The testing package runs a benchmark with growing N; the last one counts.
	t.rows = slices.DeleteFunc(t.rows, func(o row) bool { return o.Group == r.Group && o.Name == r.Name })
	t.rows = append(t.rows, r)
}

// print writes every group with ratios to its floor.
func (t *table) print() {
	if len(t.rows) == 0 {
		return
	}
	var groups []string // in the order of their first rows
	for _, r := range t.rows {
		if !slices.Contains(groups, r.Group) {
			groups = append(groups, r.Group)
		}
	}
	slices.SortStableFunc(t.rows, func(a, b row) int { return slices.Index(groups, a.Group) - slices.Index(groups, b.Group) })
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	group := ""
	for _, r := range t.rows {
		if r.Group != group {
			group = r.Group
			fmt.Fprintf(w, "\n%s\n", group)
		}
		var floor row
		for _, o := range t.rows {
			if o.Group == r.Group && o.Floor {
				floor = o
				break
			}
		}
		fmt.Fprintf(w, "  %s", r.Name)
		var names []string
		for name := range r.Metrics {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			v := r.Metrics[name]
			fmt.Fprintf(w, "\t%.4g %s", v, name)
			if f := floor.Metrics[name]; f > 0 && !strings.HasPrefix(name, "allocs") {
				fmt.Fprintf(w, " x%.2f", v/f)
			}
		}
		fmt.Fprintln(w)
	}
	w.Flush()
}

func (t *table) save(file string) error {
	b, err := json.MarshalIndent(struct {
		Date time.Time `json:"date"`
		Go   string    `json:"go"`
		CPUs int       `json:"cpus"`
		Rows []row     `json:"rows"`
	}{time.Now().UTC(), runtime.Version(), runtime.NumCPU(), t.rows}, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

var (
	jsonFile = flag.String("json", "", "also write the results to this file")
	million  = flag.Bool("million", false, "Room: also with a million connections")
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(sinkEnv); addr != "" {
		os.Exit(sinkMain(addr))
	}
	flag.Parse()
	code := m.Run()
	results.print()
	if *jsonFile != "" {
		if err := results.save(*jsonFile); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
