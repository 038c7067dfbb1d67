"""Unpacks a zip with its modes; prints each file's name, mode and time as JSON.

    unzip.py ZIP FOLDER
"""

import json
import os
import sys
import zipfile

zip, folder = sys.argv[1:]
seen = []
with zipfile.ZipFile(zip) as archive:
    for file in archive.infolist():
        mode = file.external_attr >> 16 & 0o7777
        os.chmod(archive.extract(file, folder), mode)
        seen.append([file.filename, oct(mode), file.date_time])
print(json.dumps(seen))
