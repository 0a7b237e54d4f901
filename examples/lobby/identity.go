package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// identity is who a browser is: a name, and a token that tells its owner from
// everybody else who might want the name.
type identity struct{ Name, Token string }

// signer makes and checks the cookies that carry identities.
type signer string

func (s signer) sign(payload string) string {
	h := hmac.New(sha256.New, []byte(s))
	h.Write([]byte(payload))
	return payload + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

const (
	cookieName = "lobby"
	lifetime   = 12 * time.Hour // of a cookie; each stream that opens brings a new one
)

func newCookie(value string, age int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// cookie returns a cookie for id. The end of its life is signed, too: a browser
// forgets it in time, somebody who has copied it does not.
func (s signer) cookie(id identity) *http.Cookie {
	name := base64.RawURLEncoding.EncodeToString([]byte(id.Name))
	end := strconv.FormatInt(time.Now().Add(lifetime).Unix(), 10)
	return newCookie(s.sign(name+"."+id.Token+"."+end), int(lifetime/time.Second))
}

// identity returns who sent r, if its cookie is one of ours and not too old.
func (s signer) identity(r *http.Request) (identity, bool) {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return identity{}, false
	}
	part := strings.Split(c.Value, ".")
	if len(part) != 4 || !hmac.Equal([]byte(c.Value), []byte(s.sign(strings.Join(part[:3], ".")))) {
		return identity{}, false
	}
	name, err1 := base64.RawURLEncoding.DecodeString(part[0])
	end, err2 := strconv.ParseInt(part[2], 10, 64)
	return identity{string(name), part[1]}, err1 == nil && err2 == nil && time.Now().Unix() < end
}
