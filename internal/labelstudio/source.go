package labelstudio

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"hdmnet/internal/serve/fault"
)

// source gets pictures and annotations from the one Label Studio that is configured.
type source struct {
	base   *url.URL
	key    string // for its API; empty: none
	client http.Client
	most   int64 // bytes of a picture

	mu      sync.Mutex
	access  string // that key, a refresh token, was exchanged for
	expires time.Time
}

// KeyVariable is the environment variable with the key of Label Studio's API.
const KeyVariable = "LABEL_STUDIO_API_KEY"

const fetchTime = 60 * time.Second

// newSource takes the address of Label Studio.
func newSource(address, key string, most int64) (*source, error) {
	base, err := url.Parse(strings.TrimRight(address, "/"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("--label-studio %q is no address of a Label Studio; give it like http://localhost:8081", address)
	}
	s := &source{base: base, key: strings.TrimSpace(key), most: most}
	s.client = http.Client{Timeout: fetchTime, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch {
		case !s.own(r.URL):
			return fault.New(http.StatusBadGateway, "turn off pre-signed URLs in the settings of the cloud storage, so that Label Studio hands the picture on",
				"Label Studio sends to another host, %.100q, for the picture; pictures are taken from %s only", r.URL.Host, base)
		case len(via) > 5:
			return fault.New(http.StatusBadGateway, "open the picture's address in a browser to see why", "Label Studio redirects in circles")
		}
		return nil
	}}
	return s, nil
}

// own tells whether an address is on the configured host.
func (s *source) own(u *url.URL) bool {
	return u.Scheme == s.base.Scheme && strings.EqualFold(u.Host, s.base.Host) && u.User == nil
}

// address is where the picture of a task is.
func (s *source) address(of string, task int64) (*url.URL, error) {
	switch {
	case strings.HasPrefix(of, "s3:"), strings.HasPrefix(of, "gs:"), strings.HasPrefix(of, "azure-blob:"):
		of = fmt.Sprintf("/tasks/%d/presign/?fileuri=%s", task, base64.URLEncoding.EncodeToString([]byte(of)))
	case strings.HasPrefix(of, "upload/"), strings.HasPrefix(of, "/upload/"):
		of = "/data/" + strings.TrimPrefix(of, "/")
	}
	u, err := url.Parse(of)
	if err != nil {
		return nil, fault.New(http.StatusBadRequest, "give the task a picture", "task %d: %.200q is no address of a picture", task, of)
	}
	if u.Host == "" && u.Scheme == "" && strings.HasPrefix(u.Path, "/") {
		if u, err = url.Parse(strings.TrimRight(s.base.String(), "/") + of); err != nil {
			return nil, err
		}
	}
	if !s.own(u) {
		return nil, fault.New(http.StatusForbidden, "import the picture into Label Studio, or start hdmnet with the --label-studio URL that the tasks have",
			"task %d: the picture is at %.200q; pictures are taken from %s only", task, of, s.base)
	}
	return u, nil
}

// picture gets the picture of a task.
func (s *source) picture(ctx context.Context, of string, task int64) ([]byte, error) {
	u, err := s.address(of, task)
	if err != nil {
		return nil, err
	}
	return s.get(ctx, u, s.most, fmt.Sprintf("the picture of task %d", task))
}

// get reads what is at an address of Label Studio.
func (s *source) get(ctx context.Context, u *url.URL, most int64, what string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if err := s.authorize(ctx, r); err != nil {
		return nil, err
	}
	answer, err := s.client.Do(r)
	if err != nil {
		if f := fault.Of(err); f.Status != http.StatusInternalServerError {
			return nil, f
		}
		return nil, fault.New(http.StatusBadGateway, "see that Label Studio runs there, and that --label-studio is right", "%s cannot be fetched from %s: %v", what, s.base, err)
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return nil, fault.New(http.StatusBadGateway, "set "+KeyVariable+" to an access token (Label Studio: Account & Settings) where hdmnet serve is started, and start it again",
			"Label Studio does not let hdmnet have %s (%s)", what, answer.Status)
	case answer.StatusCode != http.StatusOK:
		return nil, fault.New(http.StatusBadGateway, "see that it is shown in Label Studio", "%s cannot be fetched: Label Studio answers %s", what, answer.Status)
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err != nil {
		return nil, fault.New(http.StatusBadGateway, "try again", "%s cannot be fetched: %v", what, err)
	}
	if int64(len(content)) > most {
		return nil, fault.New(http.StatusRequestEntityTooLarge, "make it smaller", "%s has more than %d MiB", what, most>>20)
	}
	return content, nil
}

// authorize adds the key: as it is, or, where it is a personal access token, what that is
// exchanged for.
func (s *source) authorize(ctx context.Context, r *http.Request) error {
	switch {
	case s.key == "":
		return nil
	case expiry(s.key).IsZero():
		r.Header.Set("Authorization", "Token "+s.key)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Until(s.expires) < 30*time.Second {
		if err := s.refresh(ctx); err != nil {
			return err
		}
	}
	r.Header.Set("Authorization", "Bearer "+s.access)
	return nil
}

func (s *source) refresh(ctx context.Context) error {
	body, err := json.Marshal(map[string]string{"refresh": s.key})
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base.String()+"/api/token/refresh", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	refused := func(why string) error {
		return fault.New(http.StatusBadGateway, "make a new access token (Label Studio: Account & Settings), set "+KeyVariable+" to it and start hdmnet serve again",
			"Label Studio does not take the access token: %s", why)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return refused(err.Error())
	}
	defer answer.Body.Close()
	var token struct {
		Access string `json:"access"`
	}
	if answer.StatusCode != http.StatusOK {
		return refused(answer.Status)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<16)).Decode(&token); err != nil || token.Access == "" {
		return refused("its answer is not understood")
	}
	s.access, s.expires = token.Access, expiry(token.Access)
	return nil
}

// expiry is when a JSON web token expires; zero of any other text.
func expiry(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Expires json.Number `json:"exp"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return time.Time{}
	}
	seconds, err := strconv.ParseFloat(claims.Expires.String(), 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}
