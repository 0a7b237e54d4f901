package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// viewRow is a row of the benchmarks of this repository, see internal/bench.
type viewRow struct {
	Group   string
	Name    string
	Floor   bool
	Metrics map[string]float64
}

// viewRows are the rows of the benchmarks of views.
type viewRows struct {
	CPUs int
	Rows []viewRow
}

// viewCols are the columns of the table, in order.
var viewCols = []column{
	{"renders/s", "renders/s", false}, {"p50 ms", "p50-ms", true}, {"p99 ms", "p99-ms", true}, {"last ms", "last-ms", true},
	{"CPU, % of one", "cpu-%", true}, {"KB/s", "wire-KB/s", true}, {"goroutines +", "goroutines+", false}, {"heap KiB +", "heap-KiB+", false}, {"beside: p99 ms", "beside-p99-ms", false},
}

// views runs the benchmarks of views and returns their part of the document.
func views(root, work string, own int, quick bool) string {
	file := filepath.Join(work, "views.json")
	args := []string{"test", "-run", "-", "-timeout", "1800s", "-bench", "Views|RefreshDirty", "./internal/bench", "-args", "-own", fmt.Sprint(own)}
	if quick {
		args = append(args[:len(args)-1], "50", "-viewers", "1000", "-viewtime", "500ms")
	}
	cmd := exec.Command("go", append(args, "-json", file)...)
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Sprintf("failed: %v\n\n```\n%s```\n", err, text)
	}
	var got viewRows
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &got)
	}
	if err != nil {
		return fmt.Sprintf("failed: %v\n", err)
	}
	return fmt.Sprintf("`go %s`\n\n%s\n%s", strings.Join(args, " "), got.table(), got.verdicts())
}

// table returns all rows as one table, and that of Refresh below it.
func (v viewRows) table() string {
	var b strings.Builder
	b.WriteString("| workload | |")
	for _, c := range viewCols {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(viewCols)) + "\n")
	group := ""
	for _, r := range v.Rows {
		if _, ok := r.Metrics["renders/s"]; !ok {
			continue
		}
		name := ""
		if r.Group != group {
			group = r.Group
			name = strings.TrimPrefix(group, "views: ")
		}
		fmt.Fprintf(&b, "| %s | %s |", name, r.Name)
		for _, c := range viewCols {
			b.WriteString(" " + r.cell(v.floor(r.Group), c) + " |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n| | | ns | allocations |\n|---|---|---|---|\n")
	for _, r := range v.Rows {
		if _, ok := r.Metrics["ns"]; ok {
			floor := v.floor(r.Group)
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", strings.TrimPrefix(r.Group, "views: "), r.Name,
				r.cell(floor, column{"", "ns", true}), r.cell(floor, column{"", "allocs", false}))
		}
	}
	return b.String()
}

func (r viewRow) cell(floor viewRow, c column) string {
	value, ok := r.Metrics[c.metric]
	if !ok {
		return "-"
	}
	var rel []float64
	if f, ok := floor.Metrics[c.metric]; ok {
		rel = []float64{f}
	}
	return cell([]float64{value}, rel, c.ratio && !r.Floor)
}

func (v viewRows) floor(group string) viewRow {
	return v.find(func(r viewRow) bool { return r.Group == group && r.Floor })
}

func (v viewRows) find(is func(r viewRow) bool) viewRow {
	if i := slices.IndexFunc(v.Rows, is); i >= 0 {
		return v.Rows[i]
	}
	return viewRow{}
}

// ours returns the row of sfere in the group whose name contains all of parts.
func (v viewRows) ours(parts ...string) viewRow {
	return v.find(func(r viewRow) bool {
		return strings.HasPrefix(r.Name, "sfere: ") && !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(r.Group, p) })
	})
}

// verdicts says which aims were reached, by the figures of the table.
func (v viewRows) verdicts() string {
	var b strings.Builder
	b.WriteString("| aim | outcome | |\n|---|---|---|\n")
	line := func(aim string, ok bool, format string, args ...any) {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", aim, fmt.Sprintf(format, args...), map[bool]string{true: "reached", false: "not reached"}[ok])
	}
	bare := v.ours("no views").Metrics["p99-ms"]
	for _, cost := range []string{"2 ms of CPU", "5 ms of sleep"} {
		for _, w := range []struct {
			name   string
			values float64
		}{{"1 value, 100 commits/s", 1}, {"1 value, 1000 commits/s", 1}, {"10 values, 1000 commits/s", 10}} {
			m := v.ours("viewers, " + w.name + ", " + cost).Metrics
			line(fmt.Sprintf("%s, %s: at most %.0f renders/s (one more at the edge)", w.name, cost, 10*w.values), m["renders/s"] <= 10.5*w.values, "%s", num(m["renders/s"]))
			line(fmt.Sprintf("%s, %s: p99 at most interval + render + 1.2 x that of a broadcast", w.name, cost), m["p99-ms"] <= m["bound-ms"], "%s ms, bound %s ms", num(m["p99-ms"]), num(m["bound-ms"]))
		}
		m := v.ours("change nothing", cost).Metrics
		line("nothing changes, "+cost+": no bytes", m["wire-KB/s"] == 0, "%s KB/s", num(m["wire-KB/s"]))
		m, calm := v.ours("stalled", cost).Metrics, v.ours("viewers, 1 value, 100 commits/s, "+cost).Metrics
		line("1 % stalled, "+cost+": p99 of the others at most 1.1 x", m["p99-ms"] <= 1.1*calm["p99-ms"], "%.2f x", m["p99-ms"]/calm["p99-ms"])
		line("1 % stalled, "+cost+": at most one frame waits for each of them", m["waiting-frames"] <= 1, "%s", num(m["waiting-frames"]))
		m = v.ours("reconnect", cost).Metrics
		line("reconnect, "+cost+": at most 10 renders/s (one more at the edge)", m["renders/s"] <= 11, "%s", num(m["renders/s"]))
		line("reconnect, "+cost+": the last first paint at most interval + render + 1.2 x a broadcast after the last request", m["last-ms"] <= calm["bound-ms"], "%s ms, bound %s ms", num(m["last-ms"]), num(calm["bound-ms"]))
		own := v.find(func(r viewRow) bool {
			return strings.HasSuffix(r.Name, "each one's own") && strings.HasSuffix(r.Group, cost)
		})
		alone := v.ours("each with a view of its own", cost) // the first is that of the shared view without the others
		var n, d float64
		_, _ = fmt.Sscanf(own.Group, "views: %f viewers", &n)
		_, _ = fmt.Sscanf(cost, "%f", &d)
		workers := float64(2 * v.CPUs)
		if strings.Contains(cost, "CPU") {
			workers = float64(v.CPUs)
		}
		line(fmt.Sprintf("views of each one's own, %s: the oldest change waits at most 1.2 x values x render / %.0f + interval", cost, workers),
			own.Metrics["p99-ms"] <= 1.2*n*d/workers+250, "p99 %s ms, bound %s ms", num(own.Metrics["p99-ms"]), num(1.2*n*d/workers+250))
		line("views of each one's own, "+cost+": a shared view beside keeps its p99 x 1.5", own.Metrics["beside-p99-ms"] <= 1.5*alone.Metrics["beside-p99-ms"], "%s ms, alone %s ms", num(own.Metrics["beside-p99-ms"]), num(alone.Metrics["beside-p99-ms"]))
		line("views of each one's own, "+cost+": no more goroutines than workers and writers", own.Metrics["goroutines+"] <= float64(4*v.CPUs), "%s more", num(own.Metrics["goroutines+"]))
	}
	for _, r := range v.Rows {
		if ns, ok := r.Metrics["ns"]; ok && !r.Floor {
			what := strings.TrimPrefix(r.Group, "views: ")
			line(what+": less than 2 us", ns < 2000, "%.2f us", ns/1000)
			bare := v.floor(r.Group).Metrics["allocs"]
			line(what+": no allocation of its own", r.Metrics["allocs"] <= bare+0.1, "%s, of which %s are those of any dispatch", num(r.Metrics["allocs"]), num(bare))
		}
	}
	fmt.Fprintf(&b, "\nThe broadcast that the bounds are made of: p99 %s ms.\n", num(bare))
	return b.String()
}
