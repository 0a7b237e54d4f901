package schema

import (
	"regexp/syntax"
	"strings"
)

// matching returns a text that the regular expression matches.
func (g *generator) matching(pattern string) (any, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, errTooNarrow
	}
	var b strings.Builder
	g.write(&b, re.Simplify())
	return b.String(), nil
}

// write adds a text for one part of a regular expression.
func (g *generator) write(b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		pair := 2 * g.rand.IntN(max(1, len(re.Rune)/2))
		if pair+1 < len(re.Rune) {
			lo, hi := re.Rune[pair], min(re.Rune[pair+1], re.Rune[pair]+25)
			b.WriteRune(lo + rune(g.rand.IntN(int(hi-lo)+1)))
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('a' + byte(g.rand.IntN(26)))
	case syntax.OpAlternate:
		g.write(b, re.Sub[g.rand.IntN(len(re.Sub))])
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		least := 0
		if re.Op == syntax.OpPlus {
			least = 1
		}
		n := least + g.rand.IntN(3)
		if re.Op == syntax.OpQuest {
			n = min(n, 1)
		}
		for range n {
			g.write(b, re.Sub[0])
		}
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range re.Sub {
			g.write(b, sub)
		}
	}
}
