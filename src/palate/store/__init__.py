"""Files that say what they are, are never half-written, and are never unpickled.

files      writing to a side file, then moving it into place
lock       one run in a folder at a time
header     what a file claims to be, checked without torch and before any weight is read
tensors    named tensors with their kind, version and config
profiles   what was understood of a person: `*.palate.safetensors`
"""

from palate.store.files import write_bytes as write_bytes
from palate.store.files import write_json as write_json
from palate.store.files import writing as writing
from palate.store.header import Header as Header
from palate.store.header import header as header
from palate.store.lock import Lock as Lock
from palate.store.profiles import load_profile as load_profile
from palate.store.profiles import profile_fingerprint as profile_fingerprint
from palate.store.profiles import read_profile_header as read_profile_header
from palate.store.profiles import save_profile as save_profile
from palate.store.tensors import fingerprint as fingerprint
from palate.store.tensors import load as load
from palate.store.tensors import save as save
