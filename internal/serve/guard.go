package serve

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"hdmnet/internal/serve/fault"
)

// tokenCookie holds a digest of the token.
const tokenCookie = "hdmnet_token"

// patience is how long a request may take to arrive, and an answer to leave, unless its
// handler takes more.
const patience = time.Minute

// Loopback tells whether an address such as 127.0.0.1:8080 is reached from this machine
// alone.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// guard lets only requests through that may be answered, and sets what holds for every
// answer.
func (s *Server) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, foreign()) }))
	checked := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		extend(w, patience)
		if !s.hosted(r) {
			s.fail(w, r, fault.New(http.StatusMisdirectedRequest, "use http://"+s.o.Addr+"/; for other names start the server with --token",
				"the request is for the host %.100q, which is not this server's", r.Host))
			return
		}
		if site := r.Header.Get("Sec-Fetch-Site"); strings.HasPrefix(r.URL.Path, "/api/") && (site == "cross-site" || site == "same-site") {
			s.fail(w, r, foreign())
			return
		}
		if s.o.Token != "" {
			if given := r.URL.Query().Get("token"); r.Method == http.MethodGet && r.URL.Path == "/" && s.is(given, s.o.Token) {
				http.SetCookie(w, &http.Cookie{Name: tokenCookie, Value: digest(s.o.Token), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: 30 * 24 * 3600})
				http.Redirect(w, r, "/", http.StatusSeeOther)
				return
			}
			if !s.authorized(r) {
				h.Set("WWW-Authenticate", `Bearer realm="hdmnet"`)
				s.fail(w, r, fault.New(http.StatusUnauthorized, "open the link that the server printed, with ?token=…; programs send the header Authorization: Bearer TOKEN", "a token is needed"))
				return
			}
		}
		checked.ServeHTTP(w, r)
	})
}

func foreign() error {
	return fault.New(http.StatusForbidden, "use the page of this server itself; programs leave the headers Origin and Sec-Fetch-Site out", "the request comes from another site's page")
}

// extend gives a request and its answer more time, from now on.
func extend(w http.ResponseWriter, d time.Duration) {
	c := http.NewResponseController(w)
	until := time.Now().Add(d)
	_ = c.SetReadDeadline(until) // where there is no connection there is nothing to wait for
	_ = c.SetWriteDeadline(until)
}

// hosted tells whether the request is for a name of this server. A page of another site whose name
// was made to lead here (DNS rebinding) asks for that name; it has no token.
func (s *Server) hosted(r *http.Request) bool {
	if s.o.Token != "" {
		return true
	}
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (s *Server) authorized(r *http.Request) bool {
	if given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && s.is(given, s.o.Token) {
		return true
	}
	// Label Studio's requests have a name and a password.
	if _, given, ok := r.BasicAuth(); ok && s.is(given, s.o.Token) {
		return true
	}
	c, err := r.Cookie(tokenCookie)
	return err == nil && s.is(c.Value, digest(s.o.Token))
}

// is compares in a time that tells nothing.
func (s *Server) is(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func digest(token string) string {
	sum := sha256.Sum256([]byte("hdmnet " + token))
	return hex.EncodeToString(sum[:])
}
