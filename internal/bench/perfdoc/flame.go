package main

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// shot is a profile of one workload.
type shot struct {
	title, label string // label: of the file that the comparison writes
	args         []string
}

func profiles(quick bool) []shot {
	n := []string{"10000", "5000", "100000"}
	if quick {
		n = []string{"1000", "500", "1000"}
	}
	return []shot{
		{"fan-out in process, bursts of 32", "A-n" + n[0] + "-burst32-sfere", []string{"-workload", "A", "-n", n[0], "-events", "3000", "-budget", "4s"}},
		{"fan-out over TCP", "B-n" + n[1] + "-sfere", []string{"-workload", "B", "-n", n[1], "-events", "400"}},
		{"room of 10", "C-n" + n[2] + "-room-sfere", []string{"-workload", "C", "-n", n[2], "-events", "100000", "-budget", "4s"}},
	}
}

// profile takes the shot, draws it next to the document, and returns Markdown.
func (s shot) profile(bin, work, docs string) string {
	dir := filepath.Join(work, "profiles")
	args := append(slices.Clone(s.args), "-runs", "1", "-contestants", "sfere", "-profile", dir)
	if text, err := exec.Command(bin, args...).CombinedOutput(); err != nil {
		return fmt.Sprintf("failed: %v\n\n```\n%s```\n", err, text)
	}
	file := filepath.Join(dir, s.label+".cpu.pprof")
	top, err := exec.Command("go", "tool", "pprof", "-top", "-nodecount", "16", bin, file).Output()
	if err != nil {
		return fmt.Sprintf("failed: %v\n", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "`compare %s`\n\n", strings.Join(args[:len(args)-2], " "))
	traces, err := exec.Command("go", "tool", "pprof", "-traces", bin, file).Output()
	if err == nil {
		name := "flame-" + strings.ToLower(s.label[:1]) + ".svg"
		if err = os.WriteFile(filepath.Join(docs, name), flame(s.title, traces), 0o644); err == nil {
			fmt.Fprintf(&b, "![flame graph](%s)\n\n", name)
		}
	}
	b.WriteString("```\n")
	for i, line := range strings.Split(string(top), "\n") {
		if i >= 3 && line != "" { // after file, build and type
			if len(line) > 120 {
				line = line[:120]
			}
			b.WriteString(line + "\n")
		}
	}
	b.WriteString("```\n")
	return b.String()
}

// frame is a function in a flame graph.
type frame struct {
	name  string
	time  time.Duration
	calls []*frame
}

func (f *frame) call(name string) *frame {
	for _, c := range f.calls {
		if c.name == name {
			return c
		}
	}
	c := &frame{name: name}
	f.calls = append(f.calls, c)
	return c
}

// flame draws the output of pprof -traces: samples between lines of dashes, each
// with its time and its functions, innermost first.
func flame(title string, traces []byte) []byte {
	root := &frame{name: title}
	var stack []string
	var took time.Duration
	flush := func() {
		root.time += took
		f := root
		for _, name := range slices.Backward(stack) {
			f = f.call(name)
			f.time += took
		}
		stack, took = nil, 0
	}
	for line := range strings.Lines(string(traces)) {
		fields := strings.Fields(strings.ReplaceAll(line, "(inline)", ""))
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "-----"):
			flush()
		case len(fields) == 0 || strings.HasSuffix(fields[0], ":"):
		default:
			if d, err := time.ParseDuration(fields[0]); err == nil && len(stack) == 0 {
				took, fields = d, fields[1:]
			}
			if len(fields) > 0 && took > 0 {
				stack = append(stack, short(strings.Join(fields, " ")))
			}
		}
	}
	flush()
	var body bytes.Buffer
	depth := draw(&body, root, 0, 0, 1000/max(float64(root.time), 1))
	var out bytes.Buffer
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 %d" font-family="sans-serif" font-size="10">`+"\n", (depth+1)*15)
	out.Write(body.Bytes())
	out.WriteString("</svg>\n")
	return out.Bytes()
}

// draw draws f and what it calls, and returns the depth. Narrow ones are left out.
func draw(b *bytes.Buffer, f *frame, x float64, level int, scale float64) int {
	w := float64(f.time) * scale
	if w < 4 {
		return level
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(f.name))
	fmt.Fprintf(b, `<g><title>%s %.1f%%</title><rect x="%.1f" y="%d" width="%.1f" height="14" fill="hsl(%d,70%%,75%%)"/>`, html.EscapeString(f.name), w/10, x, level*15, w, 10+h.Sum32()%50)
	if chars := int(w / 5.6); chars > 3 {
		text := f.name
		if len(text) > chars {
			text = text[:chars-1] + "…"
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%d">%s</text>`, x+2, level*15+11, html.EscapeString(text))
	}
	b.WriteString("</g>\n")
	deepest := level
	slices.SortFunc(f.calls, func(a, c *frame) int { return strings.Compare(a.name, c.name) })
	for _, c := range f.calls {
		deepest = max(deepest, draw(b, c, x, level+1, scale))
		x += float64(c.time) * scale
	}
	return deepest
}

// short takes the path and the type parameters off the name of a function.
func short(name string) string {
	if i := strings.IndexByte(name, '['); i >= 0 {
		if j := strings.LastIndexByte(name, ']'); j > i {
			name = name[:i] + name[j+1:]
		}
	}
	return name[strings.LastIndexByte(name, '/')+1:]
}
