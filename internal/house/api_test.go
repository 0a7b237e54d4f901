package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/doc"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/sfere-go/sfere"

// listed is what go list says of a package.
type listed struct {
	ImportPath, Name, Dir, Export string
	GoFiles, Imports              []string
	Standard                      bool
}

// list runs go list in the root of the module.
func list(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Name,Dir,Export,GoFiles,Imports,Standard"}, args...)...)
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// short returns the path of p inside the module; "." is its root.
func short(path string) string {
	if path == module {
		return "."
	}
	return strings.TrimPrefix(path, module+"/")
}

// public reports whether other modules may import the package and would.
func public(p listed) bool {
	return p.Name != "main" && !strings.Contains(p.ImportPath+"/", "/internal/") && p.ImportPath != module+"/docs"
}

// The exported API names no type of an internal package: nobody could write it
// down, and it shows plumbing.
func TestExportedAPIHasNoInternals(t *testing.T) {
	export := map[string]string{}
	var pkgs []listed
	for _, p := range list(t, "-deps", "-export", "./...") {
		export[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath, module) && public(p) {
			pkgs = append(pkgs, p)
		}
	}
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) { return os.Open(export[path]) })
	if len(pkgs) < 10 {
		t.Fatalf("only %d packages", len(pkgs))
	}
	for _, p := range pkgs {
		pkg, err := imp.Import(p.ImportPath)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range pkg.Scope().Names() {
			obj := pkg.Scope().Lookup(name)
			if !obj.Exported() {
				continue
			}
			w := walker{seen: map[types.Type]bool{}}
			w.object(obj)
			for _, path := range w.internal {
				t.Errorf("%s.%s shows %s", p.ImportPath, name, path)
			}
		}
	}
}

// walker follows types as far as a user of the package can see them.
type walker struct {
	seen     map[types.Type]bool
	internal []string
}

func (w *walker) object(obj types.Object) {
	if tn, ok := obj.(*types.TypeName); ok && !tn.IsAlias() {
		named := tn.Type().(*types.Named)
		for i := range named.NumMethods() {
			if m := named.Method(i); m.Exported() {
				w.typ(m.Type())
			}
		}
		w.inside(named.Underlying())
		return
	}
	w.typ(obj.Type())
}

// inside follows what a type consists of.
func (w *walker) inside(t types.Type) {
	switch t := t.(type) {
	case *types.Struct:
		for i := range t.NumFields() {
			if f := t.Field(i); f.Exported() {
				w.typ(f.Type())
			}
		}
	case *types.Interface:
		for i := range t.NumMethods() {
			if m := t.Method(i); m.Exported() {
				w.typ(m.Type())
			}
		}
	default:
		w.typ(t)
	}
}

func (w *walker) typ(t types.Type) {
	if t == nil || w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t := t.(type) {
	case *types.Named:
		if pkg := t.Obj().Pkg(); pkg != nil && strings.Contains(pkg.Path()+"/", "/internal/") && strings.HasPrefix(pkg.Path(), module) {
			w.internal = append(w.internal, pkg.Path()+"."+t.Obj().Name())
		}
		for i := range t.TypeArgs().Len() {
			w.typ(t.TypeArgs().At(i))
		}
	case *types.Alias:
		w.typ(types.Unalias(t))
	case *types.Pointer:
		w.typ(t.Elem())
	case *types.Slice:
		w.typ(t.Elem())
	case *types.Array:
		w.typ(t.Elem())
	case *types.Chan:
		w.typ(t.Elem())
	case *types.Map:
		w.typ(t.Key())
		w.typ(t.Elem())
	case *types.Signature:
		for _, tuple := range []*types.Tuple{t.Params(), t.Results()} {
			for i := range tuple.Len() {
				w.typ(tuple.At(i).Type())
			}
		}
	case *types.Struct, *types.Interface:
		w.inside(t)
	}
}

// Everything exported is documented, and no package exports more than a reader
// can keep in mind.
func TestExportedNames(t *testing.T) {
	limits := map[string]int{"effect": 50, "registry": 10, "dispatch": 27, "sse": 56, "twk": 75, ".": 110}
	for _, p := range list(t, "./...") {
		if !public(p) {
			continue
		}
		fset := token.NewFileSet()
		var files []*ast.File
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		d, err := doc.NewFromFiles(fset, files, p.ImportPath)
		if err != nil {
			t.Fatal(err)
		}
		if d.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		n := 0
		need := func(name, text string) {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s.%s is not documented", p.ImportPath, name)
			}
		}
		values := func(vs []*doc.Value) {
			for _, v := range vs {
				for _, s := range v.Decl.Specs {
					s := s.(*ast.ValueSpec)
					for _, id := range s.Names {
						if id.IsExported() {
							n++
							need(id.Name, v.Doc+s.Doc.Text()+s.Comment.Text())
						}
					}
				}
			}
		}
		funcs := func(of string, fs []*doc.Func, count int) {
			for _, f := range fs {
				n += count
				need(of+f.Name, f.Doc)
			}
		}
		values(d.Consts)
		values(d.Vars)
		funcs("", d.Funcs, 1)
		for _, ty := range d.Types {
			n++
			need(ty.Name, ty.Doc)
			values(ty.Consts)
			values(ty.Vars)
			funcs("", ty.Funcs, 1)
			funcs(ty.Name+".", ty.Methods, 0)
		}
		t.Logf("%s exports %d names", p.ImportPath, n)
		if max, ok := limits[short(p.ImportPath)]; ok && n > max {
			t.Errorf("%s exports %d names, at most %d", p.ImportPath, n, max)
		}
	}
}
