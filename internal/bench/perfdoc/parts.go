package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// part is one table: a workload of the comparison with some contestants.
type part struct {
	title string
	args  []string
	rel   string // the contestant that ratios are given to
	cols  []column
	runs  int
}

type column struct {
	title, metric string
	ratio         bool
}

const everybody = "limit,limit-coalesce,datastar-go,go-sse,r3labs-sse,centrifuge,sfere"

func parts(runs int, quick bool) []part {
	n := func(usual, small string) string {
		if quick {
			return small
		}
		return usual
	}
	tcp := []column{{"deliveries/s", "deliveries_per_s", true}, {"CPU us/delivery", "cpu_us", true}, {"allocs", "allocs", false}, {"lone event: CPU us", "lat_cpu_us", true}, {"p50 ms", "p50_ms", false}, {"p99 ms", "p99_ms", true}, {"RSS KiB/conn", "rss_kib", false}, {"goroutines/conn", "goroutines", false}}
	room := []column{{"us/broadcast to 10", "room_us", true}, {"p50 us", "room_p50_us", true}, {"p99 us", "room_p99_us", false}, {"CPU us", "room_cpu_us", false}, {"allocs", "room_allocs", false}, {"pattern (100) us", "pattern_us", true}, {"p50 us", "pattern_p50_us", false}}
	slow := []column{{"healthy got %", "delivered_pct", false}, {"p50 ms", "p50_ms", true}, {"p99 ms", "p99_ms", true}, {"longest Broadcast ms", "longest_ms", false}, {"disconnected", "kicked", false}, {"CPU us/delivery", "cpu_us", true}}
	return []part{
		{"A: in process, 10 000 connections", []string{"-workload", "A", "-n", n("10000", "1000"), "-contestants", everybody, "-budget", "3s"}, "limit-coalesce",
			[]column{{"lone event: ns/delivery", "b1_ns", true}, {"allocs", "b1_allocs", false}, {"bursts of 32: ns/delivery", "b32_ns", true}, {"CPU ns", "b32_cpu_ns", true}, {"allocs", "b32_allocs", false}}, runs},
		{"B: loopback TCP, 10 000 connections", []string{"-workload", "B", "-n", n("9900", "500"), "-contestants", "nethttp-idle,limit,limit-coalesce,limit-hijack,datastar-go,r3labs-sse,sfere,sfere-takeover"}, "limit-coalesce", tcp, runs},
		{"C: rooms of 10 among 100 000 connections", []string{"-workload", "C", "-n", n("100000", "1000"), "-contestants", "limit,r3labs-sse,centrifuge,sfere", "-budget", "3s"}, "limit", room, runs},
		{"C: rooms of 10 among 1 000 000 connections", []string{"-workload", "C", "-n", n("1000000", "10000"), "-contestants", "limit,sfere", "-budget", "3s"}, "limit", room, 1},
		{"D: undisturbed, 4 KiB events, 1 000 connections", []string{"-workload", "D", "-n", "1000", "-slow", "0", "-events", n("1000", "100"), "-contestants", "limit-coalesce,sfere,sfere-takeover"}, "limit-coalesce", slow, runs},
		{"D: 10 of 1 000 clients stop reading", []string{"-workload", "D", "-n", "1000", "-slow", "10", "-events", n("1000", "100"), "-contestants", "limit-coalesce,sfere,sfere-takeover"}, "limit-coalesce", slow, runs},
	}
}

// report is what the comparison writes with -json, as far as it is used here.
type report struct {
	Tables []struct {
		Rows []struct {
			Contestant string
			Runs       []struct {
				Metrics map[string]float64
				Notes   []string
				Error   string
			}
		}
	}
}

// table runs p and returns it in Markdown.
func (p part) table(bin, work string) (string, error) {
	file := filepath.Join(work, "results.json")
	args := append(slices.Clone(p.args), "-runs", fmt.Sprint(p.runs), "-json", file)
	cmd := exec.Command(bin, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	var rep report
	if err := json.Unmarshal(text, &rep); err != nil {
		return "", err
	}
	values := map[string]map[string][]float64{}
	var names, notes []string
	for _, r := range rep.Tables[0].Rows {
		names = append(names, r.Contestant)
		values[r.Contestant] = map[string][]float64{}
		for i, run := range r.Runs {
			for k, v := range run.Metrics {
				values[r.Contestant][k] = append(values[r.Contestant][k], v)
			}
			for _, note := range append(run.Notes, run.Error) {
				if note != "" {
					notes = append(notes, fmt.Sprintf("- %s, run %d: %s", r.Contestant, i+1, note))
				}
			}
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "`compare %s`\n\nMedian [least..most] of %d runs, xN = ratio to %s.\n\n| contestant |", strings.Join(p.args, " "), p.runs, p.rel)
	for _, c := range p.cols {
		fmt.Fprintf(&b, " %s |", c.title)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(p.cols)) + "\n")
	for _, name := range names {
		fmt.Fprintf(&b, "| %s |", name)
		for _, c := range p.cols {
			fmt.Fprintf(&b, " %s |", cell(values[name][c.metric], values[p.rel][c.metric], c.ratio && name != p.rel))
		}
		b.WriteString("\n")
	}
	if len(notes) > 0 {
		b.WriteString("\n" + strings.Join(notes, "\n") + "\n")
	}
	return b.String(), nil
}

func cell(v, rel []float64, ratio bool) string {
	if len(v) == 0 {
		return "-"
	}
	slices.Sort(v)
	s := num(median(v))
	if len(v) > 1 && num(v[0]) != num(v[len(v)-1]) {
		s += fmt.Sprintf(" [%s..%s]", num(v[0]), num(v[len(v)-1]))
	}
	if ratio && len(rel) > 0 && median(rel) > 0 {
		s += fmt.Sprintf(" **x%.2f**", median(v)/median(rel))
	}
	return s
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func num(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.2f", v), ".00")
}
