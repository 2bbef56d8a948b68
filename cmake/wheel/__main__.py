# SPDX-License-Identifier: Apache-2.0
from gamut import main

main()
